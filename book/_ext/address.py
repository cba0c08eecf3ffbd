"""One setting, `repository.url` of _config.yml, gives every address of the book.

The theme receives it from Jupyter Book; this extension derives from it the address of the published site
(GitHub Pages: https://OWNER.github.io/NAME/), which the sitemap, the social cards and the 404 page need.
"""

from urllib.parse import urlsplit


def site_address(repository):
    """Return the address of the published site for a repository's address.

    `repository` is a string like ``https://github.com/OWNER/NAME``; raises ValueError for any other shape.
    """
    parts = urlsplit(repository)
    names = parts.path.strip("/").removesuffix(".git").split("/")
    if parts.scheme != "https" or parts.netloc != "github.com" or len(names) != 2 or not all(names):
        raise ValueError(
            f"repository.url in _config.yml is {repository!r}; "
            "it must look like https://github.com/OWNER/NAME (the site's address is made from it)"
        )
    owner, name = names
    if name == f"{owner}.github.io":
        return f"https://{name}/"
    return f"https://{owner}.github.io/{name}/"


def _derive(app, config):
    address = site_address(config.html_theme_options["repository_url"])
    config.html_baseurl = config.html_baseurl or address
    config.ogp_site_url = config.ogp_site_url or address
    config.notfound_urls_prefix = urlsplit(config.html_baseurl).path


def setup(app):
    app.connect("config-inited", _derive, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
