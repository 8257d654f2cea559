"""HTML pages for the browser at the end of signing in."""

from html import escape

from exist_async.cli.output import one_line

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: exist-async</title>
<link rel="icon" href="data:,">
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.5rem; }}
p {{ overflow-wrap: anywhere; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{message}</p>
<p>You can close this page and return to the terminal.</p>
</main>
</body>
</html>
"""


def signed_in_page(origin: str) -> str:
    """Return the page after a successful sign-in.

    Args:
        origin: Origin of the service.
    """
    return _PAGE.format(title="Signed in", message=f"exist-async can now use your data at {escape(origin)}.")


def sign_in_failed_page(error: object) -> str:
    """Return the page after a sign-in that was denied or failed.

    Args:
        error: The error to show.
    """
    return _PAGE.format(title="Not signed in", message=escape(one_line(error)))
