"""Words of HTML: which elements end a block, which attributes hold no prose, what a page may say about itself."""

from __future__ import annotations

from typing import Final

BLOCKS: Final = frozenset(
    "address article aside blockquote body br button caption center col colgroup dd details dialog dir div dl dt fieldset figcaption "  # noqa: SIM905
    "figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html input legend li main menu nav noframes noscript ol "
    "optgroup option p pre search section select summary table tbody tfoot thead tr ul video audio iframe object img template "
    "foreignobject text desc".split()
)
CELLS: Final = frozenset(("td", "th"))
TOKENS: Final = frozenset(
    "class id for name type rel role width height border cellpadding cellspacing align valign bgcolor color colspan rowspan scope "  # noqa: SIM905
    "target method lang dir size face loading decoding media shape coords charset http-equiv property itemprop headers "
    "aria-labelledby aria-describedby aria-controls tabindex rows cols maxlength hidden sizes crossorigin referrerpolicy".split()
)
ADDRESSES: Final = frozenset(
    "href src action formaction cite poster background longdesc ping manifest data xlink:href codebase usemap classid profile "  # noqa: SIM905
    "data-src data-href data-url".split()
)
META_NAMES: Final = frozenset(
    "viewport robots theme-color color-scheme referrer format-detection twitter:card twitter:title "  # noqa: SIM905
    "twitter:description twitter:image x-apple-disable-message-reformatting".split()
)
META_PROPERTIES: Final = frozenset(
    "og:title og:type og:image og:url og:description og:locale og:site_name og:image:alt".split()  # noqa: SIM905
)
META_HEADERS: Final = frozenset(
    "content-type content-language x-ua-compatible content-security-policy default-style refresh".split()  # noqa: SIM905
)
LINKS: Final = frozenset(
    "stylesheet icon shortcut apple-touch-icon preload preconnect dns-prefetch prefetch modulepreload canonical alternate next prev "  # noqa: SIM905
    "manifest license help search mask-icon".split()
)
TEMPLATES: Final = frozenset(
    "text/html text/template text/x-template text/x-handlebars-template text/ng-template".split()  # noqa: SIM905
)
ELEMENTS: Final = frozenset(
    "a abbr acronym address applet area article aside audio b base basefont bdi bdo bgsound big blink blockquote body br button canvas "  # noqa: SIM905
    "caption center cite code col colgroup command content data datalist dd del details dfn dialog dir div dl dt element em embed "
    "fieldset figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe image img input "
    "ins isindex kbd keygen label legend li link listing main map mark marquee math menu menuitem meta metadata meter nav nobr noembed "
    "noframes noscript object ol optgroup option output p param picture plaintext portal pre progress q rb rp rt rtc ruby s samp script "
    "search section select shadow slot small source spacer span strike strong style sub summary sup svg table tbody td template "
    "textarea tfoot th thead time title tr track tt u ul var video wbr xml xmp "
    "annotation maction menclose merror mfenced mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms "
    "mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover semantics".split()
)
FLAGS: Final = frozenset(
    "allowfullscreen async autofocus autoplay checked compact controls default defer disabled formnovalidate hidden inert ismap "  # noqa: SIM905
    "itemscope loop multiple muted nohref nomodule noresize noshade novalidate nowrap open playsinline readonly required reversed "
    "selected / border".split()
)
# A label in place of one of these would break XHTML and say nothing about anyone less.
NAMESPACES: Final = frozenset((
    "http://www.w3.org/1999/xhtml", "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink", "http://www.w3.org/1998/Math/MathML",
    "http://www.w3.org/XML/1998/namespace", "http://www.w3.org/TR/REC-html40", "http://www.idpf.org/2007/ops", "http://ogp.me/ns#",
    "http://schemas.microsoft.com/office/2004/12/omml", "urn:schemas-microsoft-com:vml", "urn:schemas-microsoft-com:office:office",
    "urn:schemas-microsoft-com:office:word", "urn:schemas-microsoft-com:office:excel", "urn:schemas-microsoft-com:office:powerpoint",
))  # fmt: skip
