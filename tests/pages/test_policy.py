"""What a page allows itself."""

from golmu.pages.policy import policy, styles_as_classes


def test_style_and_script_are_named_by_their_hashes_and_nothing_else_is_allowed():
    named = dict(part.split(" ", 1) for part in policy("a {}", "").split("; "))
    # openssl dgst -sha256 -binary | base64
    assert named["style-src"] == "'sha256-mkSHzL7faOU7/U/v8Umg+058R69+vN2A2xmE3Fz1q98='"
    assert named["script-src"] == named["default-src"] == named["connect-src"] == named["base-uri"] == "'none'"
    assert "unsafe" not in policy("a", "b")
    assert policy("", "a {}").count("'sha256-mkSHzL7faOU7/U/v8Umg+058R69+vN2A2xmE3Fz1q98='") == 1


def test_style_attributes_become_classes():
    html = (
        '<p style="--n: 3">style="x"</p><td title="a &gt; b" style="left: 1%" class="dots">'
        '<path d="M 0" style="font: 10px &apos;A&apos;"/><i class="p" style="left: 1%"></i>'
    )
    assert styles_as_classes(html) == (
        '<p class="s0">style="x"</p><td title="a &gt; b" class="s1 dots">'
        '<path d="M 0" class="s2"/><i class="s1 p"></i>',
        ".s0:not(#_) { --n: 3 }\n.s1:not(#_) { left: 1% }\n.s2:not(#_) { font: 10px 'A' }\n",
    )


def test_a_style_cannot_end_the_style_sheet():
    assert "<" not in styles_as_classes('<p style="x: &lt;/style&gt;">')[1]
