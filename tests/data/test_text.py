"""Text: lines to strings of whole numbers and back, the same for new lines as for those of the data."""

import pytest
import torch

import vaekit as vk
from vaekit.data import END, UNKNOWN, DataSpec, Domain, sentences

LINES = ["the cat sat", "the dog sat on the cat", "a cat", "the end", "no dog", "the cat", "a dog sat", "cat the cat"]


def open_lines(**options):
    return vk.data.open(LINES, valid=2, seed=0, **options)


def everything(data):
    return [line for split in data.splits().values() for line in sentences(split.x, data.spec)]


def test_lines_come_back_as_they_were():
    data = open_lines()
    assert sorted(everything(data)) == sorted(LINES)
    assert data.spec.domain is Domain.CATEGORIES
    assert data.spec.shape == (7,)  # the longest line and its end
    assert data.train.batch(torch.arange(2))["x"].dtype is torch.int64


def test_the_vocabulary_has_the_commonest_words_first():
    words = open_lines().spec.words
    assert words == ("<end>", "<unk>", "cat", "the", "dog", "sat", "a", "end", "no", "on")
    few = open_lines(vocabulary=5)
    assert few.spec.words == words[:5]
    assert few.spec.levels == 5
    assert "<unk>" in " ".join(everything(few))
    assert any("of the words are <unk>" in note for note in few.spec.notes)


def test_lines_of_single_words_are_read_by_character():
    names = vk.data.open(["anna", "bob", "eve", "ada"], valid=0)
    assert names.spec.unit == "characters"
    assert sorted(everything(names)) == ["ada", "anna", "bob", "eve"]
    assert open_lines(unit="characters").spec.unit == "characters"
    assert sorted(everything(open_lines(unit="characters"))) == sorted(LINES)


def test_longer_lines_are_left_out_where_that_is_said():
    data = open_lines(longest=3)
    assert len(data.train) + len(data.valid) == 7
    assert data.spec.shape == (4,)
    assert "1 longer lines left out" in data.spec.notes


def test_new_text_is_read_in_the_old_vocabulary():
    data = open_lines()
    split = vk.data.read(["the cat sat", "a zebra sat"], data.spec)
    assert sentences(split.x, data.spec) == ["the cat sat", "a <unk> sat"]
    assert split.x[1, 1] == UNKNOWN
    assert (split.x[:, -1] == END).all()
    assert sentences(vk.data.read("no cat", data.spec).x, data.spec) == ["no cat"]
    assert torch.equal(vk.data.read(split.x, data.spec).x, split.x)


def test_files_are_read_and_opened_again(tmp_path):
    place = tmp_path / "lines.txt"
    place.write_text("\n".join([*LINES, "", "  "]), encoding="utf-8")
    data = vk.data.open(place, valid=2)
    assert sorted(everything(data)) == sorted(LINES)
    again = vk.data.Data.reopen(data.source)
    assert torch.equal(again.train.x, data.train.x)
    assert DataSpec.from_dict(data.spec.to_dict()) == data.spec
    assert len(vk.data.read(place, data.spec)) == 8


def test_what_is_no_such_text_is_refused(tmp_path):
    data, place = open_lines(), tmp_path / "x.txt"
    with pytest.raises(ValueError, match="may have up to 6 words, as the data had, got 8 in line 1"):
        vk.data.read("the cat sat on the dog on it", data.spec)
    with pytest.raises(ValueError, match="or whole numbers"):
        vk.data.read(torch.full((2, 7), 99), data.spec)
    with pytest.raises(ValueError, match="at least one line"):
        vk.data.read(["", " "], data.spec)
    place.write_bytes(b"\xff\xfe caf\xe9")
    with pytest.raises(ValueError, match="is not text in UTF-8"):
        vk.data.open(place)
    place.write_text("\n\n")
    with pytest.raises(ValueError, match="at least one line of text, got none"):
        vk.data.open(place)
    with pytest.raises(ValueError, match="longest must leave some lines, got 1: the shortest has 2 words"):
        open_lines(longest=1)
    with pytest.raises(ValueError, match="unit must be words or characters, got 'bytes'"):
        open_lines(unit="bytes")
    with pytest.raises(ValueError, match="vocabulary belongs to text"):
        vk.data.open("digits", vocabulary=10)
    with pytest.raises(ValueError, match="words must be one for each of the levels"):
        DataSpec.from_dict({**data.spec.to_dict(), "words": ["<end>", "<unk>"]})
