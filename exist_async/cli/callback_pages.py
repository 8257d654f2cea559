"""The pages that a browser shows at the end of signing in."""

from html import escape

from exist_async.cli.text import one_line

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
<p>{words}</p>
<p>You can close this page, and go back to the terminal.</p>
</main>
</body>
</html>
"""


def signed_in(origin: str) -> str:
    """Return the page for a yes.

    Args:
        origin: The origin of the service.
    """
    return _PAGE.format(title="Signed in", words=f"exist-async can work with your data at {escape(origin)} now.")


def not_signed_in(error: object) -> str:
    """Return the page for a no, or for something wrong.

    Args:
        error: What there is to say.
    """
    return _PAGE.format(title="Not signed in", words=escape(one_line(error)))
