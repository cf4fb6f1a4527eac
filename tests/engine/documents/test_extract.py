"""Every kind of file, well made: what is in it comes out, in order, under its headings."""

from __future__ import annotations

import json
from pathlib import Path

import docx
import pytest
from docx.enum.text import WD_BREAK
from docx.oxml import parse_xml
from hypothesis import given
from hypothesis import strategies as st

from engine.documents import Extracted
from engine.documents.extract import extract
from engine.documents.limits import DEFAULT
from engine.documents.passages import cut
from engine.documents.reading import read
from engine.errors import NodeError
from tests.engine.documents import made

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def read_(content: str | bytes, name: str, content_type: str = "") -> Extracted:
    data = content.encode() if isinstance(content, str) else content
    return read(data, name, content_type, DEFAULT)


def parts(found: Extracted) -> list[tuple[str, str]]:
    return [(section.heading, section.text) for section in found.sections]


def text(found: Extracted) -> str:
    return "\n\n".join(section.text for section in found.sections)


@pytest.mark.parametrize(
    ("name", "content", "kind", "has"),
    [
        ("a.pdf", made.pdf(["Hello (there)"]), "pdf", "Hello (there)"),
        ("a.docx", made.word("Hello"), "docx", "Hello"),
        ("a.html", b"<p>Hello", "html", "Hello"),
        ("a.md", b"# Top\n\nHello", "markdown", "Hello"),
        ("a.csv", b"a,b\nHello,2", "csv", "a: Hello; b: 2"),
        ("a.json", b'{"a": "Hello"}', "json", "a: Hello"),
        ("a.jsonl", b'{"a": 1}\n{"a": "Hello"}\n', "json", "a: Hello"),
        ("a.txt", b"Hello", "text", "Hello"),
        ("a", b"Hello", "text", "Hello"),
    ],
)
def test_each_kind_through_the_child(tmp_path: Path, name: str, content: bytes, kind: str, has: str):
    (tmp_path / "stored").write_bytes(content)
    found = extract(tmp_path / "stored", name)
    assert found.kind == kind
    assert has in text(found)
    assert found.warnings == ()
    assert found.title


# PDF


def test_pages_and_bookmarks_of_a_pdf():
    pages = ["Preface\nFirst words.", "More of it.\nChapter One\nThe start.", "The middle.", "Chapter Two\nThe end."]
    found = read_(made.pdf(pages, title="A Book", marks=[("Chapter One", 1), ("Chapter Two", 3)]), "x.pdf")
    assert (found.title, found.pages) == ("A Book", 4)
    assert [(s.page, s.heading, s.text) for s in found.sections] == [
        (1, "", "Preface\nFirst words."),
        (2, "", "More of it."),
        (2, "Chapter One", "Chapter One\nThe start."),
        (3, "Chapter One", "The middle."),
        (4, "Chapter Two", "Chapter Two\nThe end."),
    ]


def test_lines_of_a_pdf_are_joined_and_paragraphs_kept():
    page = (
        "The harbour was quiet in the early morning, and only the keeper of the light-\n"
        "house was awake to see how the fog came in over the water, slowly, as it did on\n"
        "most days.\n"
        "A second paragraph begins here and it goes on for long enough to fill the line\n"
        "and to be continued.\n"
        "• an item\n"
        "• another"
    )
    assert text(read_(made.pdf([page]), "x.pdf")).split("\n") == [
        "The harbour was quiet in the early morning, and only the keeper of the lighthouse was awake to see how the "
        "fog came in over the water, slowly, as it did on most days.",
        "A second paragraph begins here and it goes on for long enough to fill the line and to be continued.",
        "• an item",
        "• another",
    ]


def test_dots_that_lead_to_a_page_number_are_short():
    assert text(read_(made.pdf(["1 Introduction . . . . . . . . . . 7\nand so on... yes"]), "x.pdf")) == (
        "1 Introduction … 7\nand so on... yes"
    )


def test_hyphens_at_the_end_of_a_line():
    page = made.pdf(["of the light-\nhouse and non-\nASCII from 1990-\n2000 to the end -\nand self- or other"])
    whole = "of the lighthouse and non-ASCII from 1990-\n2000 to the end -\nand self- or other"
    assert text(read_(page, "x.pdf")) == whole


def test_a_sentence_belongs_to_the_page_it_begins_on():
    found = read_(made.pdf(["It begins here and goes", "on until here. Then another one."]), "x.pdf")
    assert [s.text for s in found.sections] == ["It begins here and goes on until here.", "Then another one."]


def test_headers_footers_and_page_numbers_are_told_once():
    pages = [f"ACME Annual Report\nWords of page {'abcdefgh'[n]}.\n{n + 3} | Confidential" for n in range(8)]
    found = read_(made.pdf(pages), "x.pdf")
    assert text(found).count("ACME") == 1
    assert "|" not in text(found)
    assert [s.text.split("\n")[-1] for s in found.sections] == [f"Words of page {c}." for c in "abcdefgh"]


def test_pages_that_look_alike_are_not_emptied():
    found = read_(made.pdf([f"Invoice {n}\nTotal: {n}00 EUR" for n in range(1, 9)]), "x.pdf")
    assert [s.text for s in found.sections] == [f"Invoice {n}\nTotal: {n}00 EUR" for n in range(1, 9)]
    found = read_(made.pdf([f"Page {n}" for n in range(1, 9)]), "x.pdf")
    assert len(found.sections) == 8


def test_a_few_scanned_pages_are_a_warning():
    found = read_(made.pdf(["Words", "", "More"]), "x.pdf")
    assert [s.page for s in found.sections] == [1, 3]
    assert found.warnings == ("1 of 3 pages have no text; they may be scans.",)


# DOCX


def test_headings_lists_and_tables_of_a_docx():
    document = docx.Document()
    document.core_properties.title = "Handbook"
    document.add_paragraph("Before")
    document.add_heading("Rules", 1)
    document.add_paragraph("First")
    document.add_heading("Exceptions", 2)
    document.add_paragraph("one", style="List Bullet")
    document.add_paragraph("two", style="List Number")
    table = document.add_table(rows=3, cols=2)
    for at, words in enumerate(["Name", "City", "Ada", "London", "Bob", ""]):
        table.cell(at // 2, at % 2).text = words
    document.add_heading("Empty", 2)
    document.add_heading("End", 1)
    found = read_(made.saved(document), "x.docx")
    assert found.title == "Handbook"
    assert parts(found) == [
        ("", "Before"),
        ("Rules", "First"),
        ("Rules › Exceptions", "- one\n- two\n\nName: Ada; City: London\nName: Bob"),
        ("Rules › Empty", "Empty"),
        ("End", "End"),
    ]


def test_what_is_deleted_or_hidden_in_a_docx_does_not_come_through():
    document = docx.Document()
    body = document.element.body
    body.insert(0, parse_xml(f"""<w:p {W}>
      <w:r><w:t xml:space="preserve">kept </w:t></w:r>
      <w:del w:id="1" w:author="x"><w:r><w:delText>deleted</w:delText></w:r></w:del>
      <w:moveFrom w:id="3" w:author="x"><w:r><w:t>moved away</w:t></w:r></w:moveFrom>
      <w:ins w:id="2" w:author="x"><w:r><w:t>inserted</w:t></w:r></w:ins>
      <w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r>
      <w:r><w:instrText>PAGEREF</w:instrText></w:r>
      <w:hyperlink><w:r><w:t xml:space="preserve"> linked</w:t></w:r></w:hyperlink>
      <w:sdt><w:sdtContent><w:r><w:t xml:space="preserve"> control</w:t></w:r></w:sdtContent></w:sdt>
    </w:p>"""))  # fmt: skip
    body.insert(1, parse_xml(f"<w:sdt {W}><w:sdtContent><w:p><w:r><w:t>block</w:t></w:r></w:p></w:sdtContent></w:sdt>"))
    table = document.add_table(rows=2, cols=1)
    table.cell(0, 0).text, table.cell(1, 0).text = "row", "deleted row"
    table.rows[1]._tr.get_or_add_trPr().append(parse_xml(f'<w:del {W} w:id="4" w:author="x"/>'))
    assert text(read_(made.saved(document), "x.docx")) == "kept inserted linked control\n\nblock\n\nrow"


def test_breaks_tabs_and_text_boxes_of_a_docx():
    document = docx.Document()
    run = document.add_paragraph("one").add_run()
    run.add_break(WD_BREAK.LINE)
    run.add_text("two\tthree")
    box = f"""<w:p {W} xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"
      xmlns:v="urn:x"><w:r><mc:AlternateContent>
      <mc:Choice Requires="wps"><w:txbxContent><w:p><w:r><w:t>boxed</w:t></w:r></w:p></w:txbxContent></mc:Choice>
      <mc:Fallback><w:txbxContent><w:p><w:r><w:t>boxed</w:t></w:r></w:p></w:txbxContent></mc:Fallback>
      </mc:AlternateContent></w:r></w:p>"""
    document.element.body.insert(1, parse_xml(box))
    assert text(read_(made.saved(document), "x.docx")) == "one\ntwo\tthree\n\nboxed"


# HTML


PAGE = """<!doctype html><html><head><title>The &amp; title</title><style>p{}</style><script>evil()</script></head>
<body><nav><a href=/>Home</a></nav><header><h1>Top</h1></header><p>f<b>oo</b> bar<br>baz<script>evil()</script></p>
<p style="display: none">hidden1</p><div hidden>hidden2</div><span aria-hidden="true">hidden3</span>
<p style="color:red;visibility:hidden">hidden4</p><noscript>hidden5</noscript><template>hidden6</template>
<!-- hidden7 --><textarea>hidden8</textarea><iframe srcdoc="hidden9">hidden9</iframe><svg><text>hidden10</text></svg>
<p style="font-size:0">hidden11</p><p style="opacity:0;">hidden12</p><p onclick="evil()">seen</p>
<h2>List <i>of</i> things</h2><ul><li>one<ul><li>inner</li></ul><li><p>two</p></ul>
<table><tr><th>Name<th>City<tr><td>Ada<td>London<tr><td>Bob<td></table>
<pre>def f():
    return 1</pre><h3>Sub</h3>tail &lt;b&gt;<footer>Imprint</footer></body></html>"""


def test_a_page_without_what_nobody_sees():
    found = read_(PAGE, "x.html")
    assert found.title == "The & title"
    assert parts(found) == [
        ("Top", "foo bar\nbaz\n\nseen"),
        (
            "Top › List of things",
            "- one\n- inner\n- two\n\nName: Ada; City: London\nName: Bob\n\ndef f():\n    return 1",
        ),
        ("Top › List of things › Sub", "tail <b>"),
    ]


def test_menus_go_unless_they_are_all_there_is():
    page = "<div class='sidebar'><a href=/a>One</a></div><main><p>Words of the page, enough of them to matter.</main>"
    assert text(read_(page, "x.html")) == "Words of the page, enough of them to matter."
    assert text(read_("<html><body><nav>Only this</nav></body></html>", "x.html")) == "Only this"
    page = "<body class='has sidebar'><div id='sidebar'>All of the page.</div>"
    assert text(read_(page, "x.html")) == "All of the page."


def test_links_within_a_page_are_no_text_of_it():
    contents = "".join(f"<li><a href='#p{n}'>Part {n}</a></li>" for n in range(6))
    page = f"<ul>{contents}</ul><h2>Part 1 <a href='#p1'>#</a></h2><p>{made.WIDE}</p><p>See <a href='#p2'>C#</a>."
    assert parts(read_(page, "x.html")) == [("Part 1", f"{made.WIDE}\n\nSee C#.")]


def test_names_before_values_are_no_header():
    page = "<table><tr><td>Name:<td>Ada<tr><td>City:<td>London</table>"
    assert text(read_(page, "x.html")) == "Name: | Ada\nCity: | London"


def test_tables_that_only_lay_out_a_page_are_read_through():
    page = "<table><tr><td>left<td><table><tr><td>a<td>b</table></table><table><tr><td>alone</table>"
    assert text(read_(page, "x.html")).split("\n\n") == ["left", "a | b", "alone"]


def test_a_page_nested_without_end_is_read():
    assert "deep" in text(read_("<div>" * 200 + "deep" + "</div>" * 200, "x.html"))
    assert "start" in text(read_("<p>start</p>" + "<b><i><u>" * 50_000 + "deep", "x.html"))


# Markdown


def test_markdown_is_cut_at_its_headings_and_nowhere_else():
    source = (
        '---\ntitle: "From above"\n---\nIntro\n\n# One **bold**\n\n- a\n- b\n\n```\n# no heading\n```\n\nSetext\n---\n'
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n    # code\n\n> # quoted\n\n## Empty\n# Last\nwords #tag\n"
    )
    found = read_(source, "x.md")
    assert found.title == "From above"
    assert parts(found) == [
        ("", "Intro"),
        ("One **bold**", "- a\n- b\n\n```\n# no heading\n```"),
        ("One **bold** › Setext", "| a | b |\n| 1 | 2 |\n\n    # code\n\n> # quoted"),
        ("One **bold** › Empty", "Empty"),
        ("Last", "words #tag"),
    ]


def test_rows_that_only_draw_a_table_are_no_text():
    source = "# A\n\n| | |\n|---|:-:|\n| kill | it goes on |\n\n---\n\nafter | before"
    assert parts(read_(source, "x.md")) == [("A", "| kill | it goes on |\n\n---\n\nafter | before")]


def test_html_inside_markdown_is_read_as_html():
    source = "# A\n\nbefore\n\n<script>\nevil()\n\nmore()\n</script>\n\n<!-- not -->\n\n<p>seen <b>too</b></p>\n\nafter"
    assert parts(read_(source, "x.md")) == [("A", "before\n\nseen too\n\nafter")]


# CSV


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", ":", "^", "~"])
def test_whatever_stands_between_the_cells(delimiter: str):
    rows = [["Name", "Remark", "Sum"], ["Ada", "well, well", "1.5"], ["Bob", "a;b", "2,5"], ["Cleo", "", "3"]]
    lines = [delimiter.join(f'"{c}"' if set(c) & set(",;") else c for c in row) for row in rows]
    assert text(read_("\r\n".join(lines), "x.csv")).split("\n") == [
        "Name: Ada; Remark: well, well; Sum: 1.5",
        "Name: Bob; Remark: a;b; Sum: 2,5",
        "Name: Cleo; Sum: 3",
    ]


def test_odd_tables():
    assert text(read_("sep=;\na;b\n1;2", "x.csv")) == "a: 1; b: 2"
    assert text(read_("1,2\n3,4", "x.csv")) == "1 | 2\n3 | 4"
    assert text(read_('a,b\n"two\nlines",3\n', "x.csv")) == "a: two lines; b: 3"
    assert text(read_("a,b\n1,2,3\n4", "x.csv")) == "a: 1; b: 2; 3\na: 4"
    assert text(read_("just one column\nof words", "x.csv")) == "just one column\nof words"
    assert text(read_("Name,City", "x.csv")) == "Name | City"
    assert text(read_("a,b\n" + '"never closed', "x.csv")) == "a: never closed"
    assert text(read_("x\ty\n1\t2", "data", "text/csv; charset=utf-8")) == "x: 1; y: 2"


def test_a_cell_may_be_long():
    long = "word " * 100_000
    assert len(text(read_(f'a,b\n"{long}",2', "x.csv"))) > 400_000


# JSON


def test_every_value_of_a_json_has_its_path():
    value = {"name": "Ada", "born": 1815, "address": {"city": "London", "tags": ["a", {"b": None}]}, "on": True}
    works = [{"title": "Notes", "n": 1.5}, {"title": "Letters"}]
    found = read_(json.dumps({**value, "works": works, "pairs": [[1, 2], [3]], "empty": []}), "x.json")
    assert parts(found) == [
        ("", "name: Ada\nborn: 1815\naddress.city: London\naddress.tags[0]: a\naddress.tags[1].b: null\non: true"),
        ("works", "title: Notes\nn: 1.5\n\ntitle: Letters"),
        ("pairs", "pairs[0][0]: 1\npairs[0][1]: 2\n\npairs[1][0]: 3"),
        ("empty", "empty"),
    ]


def test_nothing_of_a_json_is_lost_or_changed():
    source = '{"a": 1, "a": 2, "big": 123456789012345678901234567890.10, "nan": NaN, "text": "x\\u0000\\ud800y"}'
    assert text(read_(source, "x.json")).split("\n") == [
        "a: 1", "a: 2", "big: 123456789012345678901234567890.10", "nan: NaN", "text: xy",
    ]  # fmt: skip
    assert "7" * 5000 in text(read_("[" + "7" * 5000 + "]", "x.json"))


def test_json_is_recognised_by_itself():
    assert read_('[{"a": 1}]', "x").kind == "json"
    assert read_('{"a": 1}\n{"a": 2}', "upload", "application/octet-stream").kind == "json"
    assert read_("{curly} words that are no JSON", "x").kind == "text"


# Text


def test_text_is_cleaned():
    raw = "\ufeffO\ufb03ce e\ufb03cient so\u00adft\u200b hy\x00phen\r\nnext\rlast\x0c\n\n\n\nend\u00a0here  \t\n"
    assert text(read_(raw, "x.txt")) == "Office efficient soft hyphen\nnext\nlast\n\nend here"


def test_indents_of_text_stay():
    assert text(read_("def f():\n    return 1\n", "x.txt")) == "def f():\n    return 1"


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("utf-8", "Größe – naïve “café”"), ("utf-8-sig", "Größe"), ("utf-16", "Größe und Gewicht"),
        ("utf-16-le", "Größe und Gewicht"), ("utf-16-be", "Größe und Gewicht"), ("utf-32", "Größe"),
        ("latin-1", "café"), ("latin-1", "Größe und Café, naïve façade"),
        ("latin-1", "Grüße an die Käfer, schöne Wörter und Straße"),
        ("cp1252", "Die Straße – “völlig” überschwemmt, 5 €"),
        ("cp1250", "Zażółć gęślą jaźń. Wczoraj byliśmy w Łodzi, gdzie było bardzo zimno."),
        ("cp1251", "Привет, как дела? Это обычный русский текст."),
        ("koi8-r", "Привет, как дела? Это обычный русский текст."),
        ("shift_jis", "これは日本語の文章です。文字コードを調べます。"),
        ("gb18030", "这是一个中文文本，用来测试编码。"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["x.txt", "x.md", "x.html"])
def test_encodings(encoding: str, words: str, name: str):
    content = f"<p>{words}</p>" if name.endswith("html") else f"{words}\n"
    assert text(read_(content.encode(encoding), name)) == words


def test_what_the_sender_says_of_the_encoding_helps():
    assert text(read_("Jižní Čechy".encode("cp1250"), "x.txt", "text/plain; charset=windows-1250")) == "Jižní Čechy"
    page = "<html><head><meta charset='iso-8859-2'></head><p>Jižní Čechy</p>"
    assert text(read_(page.encode("iso-8859-2"), "x.html")) == "Jižní Čechy"
    assert text(read_("Größe".encode(), "x.txt", "text/plain; charset=ascii")) == "Größe"
    assert text(read_("Größe".encode("latin-1"), "x.txt", "text/plain; charset=nonsense")) == "Größe"


def test_a_few_wrong_bytes_do_not_change_the_rest():
    data = "Größe über alles, schön und gut. ".encode() * 20 + b"\xff\xfe end"
    found = read_(data, "x.txt")
    assert "Größe über alles" in text(found)
    assert "replaced" in found.warnings[0]


def test_titles_come_from_the_document_or_from_its_name():
    assert read_(b"Hello", "notes of May.txt").title == "notes of May"
    assert read_(b"# Head\n\nx", "a.md").title == "Head"
    assert read_(made.pdf(["x"]), "report.pdf").title == "report"
    assert read_(b"x", "").title == ""


PIECES = st.lists(
    st.sampled_from([
        b"<p>", b"</p>", b"<table><tr><td>", b"<script>", b"<!--", b"-->", b"# ", b"---\n", b"```\n", b"\n\n", b",",
        b'"', b"{", b"}", b"[", b"]", b'{"a": 1}\n', b"null", b"\xff", b"\xc3\xa4", b"\xe4", b"\x00", b"\xed\xa0\x80",
        b"<h2>", b"<li>", b"<pre>", b"title: x\n", b"\xef\xbb\xbf", b"\xff\xfe", b"|", b"sep=;\n", b"\t", b"\r", b";",
        b"&#xD800;", b"words ",
    ]),
    max_size=60,
).map(b"".join)  # fmt: skip


@given(st.one_of(st.binary(max_size=300), PIECES), st.sampled_from(["a.html", "a.md", "a.csv", "a.json", "a.txt", "a"]))
def test_whatever_the_bytes_there_is_text_or_a_typed_error(data: bytes, name: str):
    try:
        found = read_(data, name)
    except NodeError as error:
        assert error.code.startswith("document_") and error.hint
        return
    assert found.sections
    for section in found.sections:
        assert section.text.strip()
        assert not set(section.text) & set("\x00\r\ufeff")
        (section.text + section.heading + found.title).encode()
    assert cut(found)
