"""The curves of the tab Train: what is estimated between epochs, and how many points are marked."""

from browser import needs_browser
from live_page import live_page

pytestmark = needs_browser

ESTIMATE = """async (frames) => {
  const { Run } = await import("/static/runs.js");
  const run = new Run("a/1", 1);
  run.batches = 100;
  for (const [steps, pass, n, right] of frames) {
    const confusion = { values: [right, n - right, 0, 0], shape: [2, 2] };
    run.estimate({ steps, judging_pass: pass, n_judged: n, arrays: { confusion } });
  }
  return run.liveAccuracies;
}"""


def test_the_accuracy_is_estimated_at_the_moment_of_judging(chromium, address):
    with live_page(chromium, address) as page:
        frames = [(10, 1, 200, 100), (20, 1, 400, 220), (30, 1, 600, 360), (40, 2, 700, 630)]
        # a new pass may be at a larger number of images than the one before it
        assert page.evaluate(ESTIMATE, frames) == [[15, 220 / 400], [25, 260 / 400], [40, 630 / 700]]


def test_there_is_no_estimate_where_the_images_were_judged_over_a_long_time(chromium, address):
    with live_page(chromium, address) as page:
        frames = [(10, 1, 200, 100), (80, 1, 400, 220), (90, 1, 600, 360)]
        assert page.evaluate(ESTIMATE, frames) == [[85, 260 / 400]]


DASHES = """async () => {
  const { Chart } = await import("/static/chart.js"), dashes = [];
  const nothing = () => {};
  const context = { beginPath: nothing, lineTo: nothing, stroke: nothing, arc: nothing, fill: nothing };
  context.setLineDash = (dash) => dashes.push(dash.length > 0);
  const place = { x: (x) => x, y: (y) => y }, chart = { highlighted: null };
  for (const number of [1, 2]) {
    for (const isValidation of [false, true]) {
      const curve = { number, colour: "red", points: [[1, 2]], style: isValidation ? "marks" : "line", isValidation };
      Chart.prototype.paintCurve.call(chart, context, place, curve);
    }
  }
  return dashes.filter((_, i) => i % 2 === 0); // every second call makes the line solid again
}"""


def test_training_is_a_solid_line_and_validation_a_dashed_one_whichever_the_run(chromium, address):
    with live_page(chromium, address) as page:
        page.locator(".chart-key .key-marks").first.wait_for(state="attached")  # the page may still be making its chart
        assert page.evaluate(DASHES) == [False, True, False, True]
        look = "(kind) => getComputedStyle(document.querySelector(`.chart-key .key-${kind}`)).borderTopStyle"
        assert [page.evaluate(look, kind) for kind in ("line", "marks")] == ["solid", "dashed"]
