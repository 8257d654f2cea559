"""HTML pages for the browser at the end of signing in."""

from html import escape

from exist_async.cli.output import one_line

# Looks like the pages of the sandbox, whose files may not be installed.
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{title}: exist-async</title>
<link rel="icon" href="data:,">
<style>
:root {{
  color-scheme: light dark;
  --page: #f7f7f5; --panel: #fff; --text: #1d1d20; --muted: #5c6067; --line: #dfdfda; --mark: {light};
}}
@media (prefers-color-scheme: dark) {{
  :root {{ --page: #131416; --panel: #1b1c1f; --text: #e9e9e7; --muted: #a3a7ae; --line: #33363b; --mark: {dark}; }}
}}
body {{
  margin: 0; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}}
header {{ background: var(--panel); border-bottom: 1px solid var(--line); padding: .75rem 1rem; font-weight: 600; }}
main {{ max-width: 34rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }}
h1 {{
  font-size: 1.5rem; line-height: 1.25; margin: 0 0 .75rem;
  padding-inline-start: .75rem; border-inline-start: .3rem solid var(--mark);
}}
p {{ margin: 0 0 .75rem; overflow-wrap: anywhere; }}
.note {{ color: var(--muted); }}
</style>
</head>
<body>
<header>exist-async</header>
<main>
<h1>{title}</h1>
<p>{message}</p>
<p class="note">You can close this page and return to the terminal.</p>
</main>
</body>
</html>
"""

_GOOD = {"light": "#1a7340", "dark": "#79d492"}
_BAD = {"light": "#b3261e", "dark": "#ff9a90"}


def signed_in_page(origin: str) -> str:
    """Return the page after a successful sign-in.

    Args:
        origin: Origin of the service.
    """
    return _PAGE.format(title="Signed in", message=f"exist-async can now use your data at {escape(origin)}.", **_GOOD)


def sign_in_failed_page(error: object) -> str:
    """Return the page after a sign-in that was denied or failed.

    Args:
        error: The error to show.
    """
    return _PAGE.format(title="Not signed in", message=escape(one_line(error)), **_BAD)
