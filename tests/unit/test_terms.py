"""Terms of a document: what is taken for a code, found the quick way, is what its pattern says."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from storage.index.terms import _CODE, _written_codes

_WRITTEN = st.text(alphabet="aBđ1 2/-–&_.\n,\u200b\u0301", max_size=40)


@given(_WRITTEN)
@example("Số: 138 / QĐ-KHCN. Căn cứ 12/2019/NĐ-CP; 000.00.05.H02-210105-0006")
@example("a-1 .b/2 3 . 4 _5")
@example("a/b/c/d/e/f/g/h/i/j")  # more parts than one code may have
def test_quick_way_to_codes_finds_what_their_pattern_finds(text: str) -> None:
    assert list(_written_codes(text)) == [match.group() for match in _CODE.finditer(text)]
