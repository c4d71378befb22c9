// What is read out of the output of the server's tests.
import { expect, test } from "vitest";
import { entriesOf } from "./virtual-clock";

const OUTPUT = `
running 3 tests
test lines::row_4_a_narrow_line_is_left_at_once ... ok
test lines::row_4_it_comes_back ... FAILED
test row_12_nothing_is_said ... ok

successes:

---- lines::row_4_a_narrow_line_is_left_at_once stdout ----
quality row=4 target="< 1 s" measured="0.2 s"
quality row=4 target="< 2 %" measured="0.0 %"

failures:

---- lines::row_4_it_comes_back stdout ----
quality row=4 target="< 8 s" measured="9 s"
thread 'lines::row_4_it_comes_back' panicked at sfu/core/tests/lines.rs:1:1:

---- lines::row_4_it_comes_back stdout ----
quality row=4 target="< 8 s" measured="9 s"
`.split("\n");

test("figures get the verdict of their test, each once", () => {
  const told = entriesOf(OUTPUT).map(({ row, scenario, measured, verdict }) => [
    row,
    scenario,
    measured,
    verdict,
  ]);
  expect(told).toEqual([
    [4, "a narrow line is left at once", "0.2 s", "met"],
    [4, "a narrow line is left at once", "0.0 %", "met"],
    [4, "it comes back", "9 s", "missed"],
    [12, "nothing is said", "printed none", "not measured"],
  ]);
});
