import numpy as np
import pytest

from vaekit.report import curves
from vaekit.report.style import VERMILION


def panels(figure):
    return {axes.get_title(loc="left"): axes for axes in figure.axes if axes.axison}


def line(axes, label):
    return next(one for one in axes.lines if one.get_label() == label)


def test_every_term_has_a_panel_and_the_loss_comes_first(rows):
    assert list(panels(curves(rows))) == ["loss", "rate", "active dimensions of z"]


def test_terms_are_ordered_by_what_they_are():
    row = {
        "epoch": 1,
        "train/mmd": 1.0,
        "train/rate": 1.0,
        "train/distortion": 1.0,
        "train/loss": 1.0,
        "valid/active:z": 2,
    }
    names = ["loss", "distortion", "rate", "mmd", "active dimensions of z"]
    assert list(panels(curves([row, row]))) == names


def test_lines_hold_the_rows(rows):
    axes = panels(curves(rows))["loss"]
    for role in ("train", "valid"):
        np.testing.assert_array_equal(line(axes, role).get_xdata(), [row["epoch"] for row in rows])
        np.testing.assert_array_equal(line(axes, role).get_ydata(), [row[f"{role}/loss"] for row in rows])


def test_the_best_epoch_is_that_of_the_lowest_validation_loss_in_every_panel(rows):
    shown = panels(curves(rows))
    assert line(shown["loss"], "best").get_xydata().tolist() == [[20.0, 60.0]]
    assert line(shown["rate"], "best").get_xydata().tolist() == [[20.0, 8.0]]
    assert shown["loss"].get_title(loc="right") == "60.0"
    assert line(shown["loss"], "best").get_color() == VERMILION


def test_where_no_epoch_is_the_best_none_is_marked(rows):
    shown = panels(curves(rows, marked=False))
    assert not [found for found in shown["loss"].get_lines() if found.get_color() == VERMILION]
    assert shown["loss"].get_title(loc="right") == ""


def test_a_spike_at_the_start_runs_out_of_the_panel_and_the_rest_stays_in(rows):
    low, high = panels(curves(rows))["loss"].get_ylim()
    later = [row[name] for row in rows[3:] for name in ("train/loss", "valid/loss")]
    assert low < min(later) < max(later) < high < 100


def test_without_a_spike_nothing_is_cut(rows):
    steady = [{"epoch": row["epoch"], "train/loss": -row["epoch"]} for row in rows]
    low, high = panels(curves(steady))["loss"].get_ylim()
    assert low < -30 < -1 < high


def test_a_best_epoch_in_the_spike_is_still_seen():
    rows = [{"epoch": i, "valid/loss": 10.0 + 5 * i, "train/loss": 12.0} for i in range(1, 101)]
    rows[1]["valid/loss"] = -5000.0
    low, _ = panels(curves(rows))["loss"].get_ylim()
    assert low < -5000


def test_axes_name_their_units(rows):
    shown = panels(curves(rows, unit="bits"))
    labels = ["bits per example", "bits per example", "dimensions"]
    assert [axes.get_ylabel() for axes in shown.values()] == labels
    assert {axes.get_xlabel() for axes in shown.values()} == {"epoch"}


def test_one_epoch_is_a_dot_at_a_whole_number():
    axes = panels(curves([{"epoch": 1, "train/loss": 3.0, "valid/loss": 4.0}]))["loss"]
    assert line(axes, "train").get_marker() == "o"
    low, high = axes.get_xlim()
    assert [tick for tick in axes.get_xticks() if low <= tick <= high] == [1]


def test_training_without_validation_marks_nothing(rows):
    alone = [{name: value for name, value in row.items() if not name.startswith("valid")} for row in rows]
    assert {one.get_label() for one in panels(curves(alone))["loss"].lines} == {"train"}


def test_what_cannot_be_drawn_is_refused(rows):
    with pytest.raises(ValueError, match="valid/loss nan in row 3"):
        curves([*rows[:2], {**rows[2], "valid/loss": float("nan")}])
    with pytest.raises(ValueError, match="must hold an epoch"):
        curves([])
    with pytest.raises(ValueError, match="columns of the first"):
        curves([rows[0], {"epoch": 2, "train/loss": 1.0}])


def test_the_best_epoch_is_that_of_the_bound_where_the_loss_holds_what_does_not_judge():
    figures = ((1, 9), (2, 5), (3, 7))
    rows = [{"epoch": i + 1, "train/loss": 3.0, "valid/loss": a, "valid/bound": b} for i, (a, b) in enumerate(figures)]
    for panel in panels(curves(rows)).values():
        assert list(line(panel, "best").get_xdata()) == [2]
