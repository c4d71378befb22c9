import { expect, test } from "vitest";
import { SIGNING_CAMERA, signingAttributes } from "./signs";

test("every picture of signs has 240 lines and 20 frames a second at least", () => {
  const layers = SIGNING_CAMERA.videoSimulcastLayers ?? [];
  expect(layers.length).toBeGreaterThan(1);
  for (const { height, encoding } of layers) {
    expect(height).toBeGreaterThanOrEqual(240);
    expect(encoding.maxFramerate).toBeGreaterThanOrEqual(20);
  }
});

test("the smallest picture of signs and a voice fit a line of 300 kbit/s", () => {
  const smallest = SIGNING_CAMERA.videoSimulcastLayers?.[0]?.encoding.maxBitrate ?? Number.POSITIVE_INFINITY;
  const voice = 60_000;
  // A step up needs seven hundredths to spare.
  expect(smallest + voice).toBeLessThan(300_000 * 0.93);
});

test("who signs no more takes the attribute away", () => {
  expect(signingAttributes(true)).toEqual({ "saal.signs": "true" });
  expect(signingAttributes(false)).toEqual({ "saal.signs": "" });
});
