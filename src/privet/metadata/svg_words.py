"""Words of SVG: the elements and attributes that it draws with.

Source: SVG 1.1 and SVG 2, the element and attribute indexes; flow text and meshes as Inkscape writes them.
"""

from __future__ import annotations

from typing import Final

ELEMENTS: Final = frozenset(
    "a altGlyph animate animateColor animateMotion animateTransform circle clipPath defs desc discard ellipse feBlend feColorMatrix "  # noqa: SIM905
    "feComponentTransfer feComposite feConvolveMatrix feDiffuseLighting feDisplacementMap feDistantLight feDropShadow feFlood feFuncA "
    "feFuncB feFuncG feFuncR feGaussianBlur feImage feMerge feMergeNode feMorphology feOffset fePointLight feSpecularLighting "
    "feSpotLight feTile feTurbulence filter flowPara flowRegion flowRoot flowSpan font font-face font-face-name font-face-src "
    "foreignObject g glyph glyphRef hatch hatchpath hkern image line linearGradient marker mask mesh meshgradient meshpatch meshrow "
    "missing-glyph mpath path pattern polygon polyline radialGradient rect set solidColor solidcolor stop style svg switch symbol text "
    "textPath title tref tspan use view vkern".split()
)
XHTML_ELEMENTS: Final = frozenset(
    "a b blockquote body br code dd div dl dt em figure font h1 h2 h3 h4 h5 h6 hr i img li ol p pre s section small span strong sub "  # noqa: SIM905
    "sup table tbody td th thead tr u ul".split()
)
GEOMETRY: Final = frozenset(
    "d points transform viewBox x y x1 x2 y1 y2 cx cy r rx ry dx dy fx fy width height offset values keyTimes keyPoints keySplines path "  # noqa: SIM905
    "gradientTransform patternTransform rotate stroke-dasharray stroke-width opacity fill-opacity stroke-opacity textLength from to by "
    "dur stdDeviation kernelMatrix tableValues seed scale k u1 u2 horiz-adv-x unicode-range version fr font-size".split()
)
ATTRIBUTES: Final = GEOMETRY | frozenset(
    "id class style lang title href src alt name type media role tabindex target mode in in2 result operator k1 k2 k3 k4 order divisor "  # noqa: SIM905
    "bias targetX targetY edgeMode surfaceScale diffuseConstant specularConstant specularExponent kernelUnitLength limitingConeAngle "
    "pointsAtX pointsAtY pointsAtZ z azimuth elevation baseFrequency numOctaves stitchTiles slope intercept amplitude exponent radius "
    "xChannelSelector yChannelSelector preserveAlpha filterUnits primitiveUnits clipPathUnits maskUnits maskContentUnits patternUnits "
    "patternContentUnits gradientUnits spreadMethod markerUnits markerWidth markerHeight refX refY orient preserveAspectRatio "
    "zoomAndPan viewTarget requiredFeatures requiredExtensions systemLanguage attributeName attributeType begin end min max restart "
    "repeatCount repeatDur fill calcMode additive accumulate origin lengthAdjust method spacing side startOffset glyph-name unicode "
    "orientation arabic-form g1 g2 units-per-em ascent descent cap-height x-height panose-1 accent-height horiz-origin-x horiz-origin-y "
    "vert-origin-x vert-origin-y vert-adv-y alphabetic ideographic mathematical hanging bbox widths slope stemh stemv "
    "alignment-baseline baseline-shift clip clip-path clip-rule color color-interpolation color-interpolation-filters color-rendering "
    "cursor direction display dominant-baseline enable-background fill-rule filter flood-color flood-opacity font font-family "
    "font-feature-settings font-kerning font-size-adjust font-stretch font-style font-variant font-variant-caps font-variant-ligatures "
    "font-weight glyph-orientation-horizontal glyph-orientation-vertical image-rendering isolation kerning letter-spacing "
    "lighting-color line-height marker marker-end marker-mid marker-start mask mask-type mix-blend-mode overflow paint-order "
    "pathLength pointer-events shape-inside shape-padding shape-rendering stop-color stop-opacity stroke stroke-dashoffset "
    "stroke-linecap stroke-linejoin stroke-miterlimit text-align text-anchor text-decoration text-indent text-orientation "
    "text-overflow text-rendering transform-box transform-origin unicode-bidi vector-effect visibility white-space word-spacing "
    "writing-mode colspan rowspan border cellpadding cellspacing align valign size face aria-label aria-labelledby aria-describedby "
    "aria-hidden focusable baseProfile contentScriptType contentStyleType xml:lang xml:space".split()
)
