import { expect, test } from "vitest";
import { addFrameRates } from "./frame-rates";

test("every size of a camera gets three frame rates", () => {
  const encodings = [{ rid: "q" }, { rid: "h", scalabilityMode: "L1T1" }, { rid: "f" }];
  expect(addFrameRates(encodings)).toBe(true);
  expect(encodings.map((one) => one.scalabilityMode)).toEqual(["L1T3", "L1T3", "L1T3"]);
});

test("what has layers already keeps them", () => {
  const encodings = [{ scalabilityMode: "L3T3_KEY" }];
  expect(addFrameRates(encodings)).toBe(false);
  expect(encodings).toEqual([{ scalabilityMode: "L3T3_KEY" }]);
  expect(addFrameRates([{ scalabilityMode: "L1T3" }])).toBe(false);
});
