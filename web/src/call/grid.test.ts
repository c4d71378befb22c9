import { expect, test } from "vitest";
import { type Box, GAP, gridFor, tilesPerPage } from "./grid";

const BOXES: readonly Box[] = [
  { width: 296, height: 480 },
  { width: 740, height: 300 },
  { width: 1256, height: 660 },
  { width: 2500, height: 1300 },
];

test.each(BOXES)("every page's tiles fit into %o", (box) => {
  for (let count = 1; count <= tilesPerPage(box); count += 1) {
    const { columns, tile } = gridFor(count, box);
    const rows = Math.ceil(count / columns);
    expect(columns * tile.width + (columns - 1) * GAP).toBeLessThanOrEqual(box.width);
    expect(rows * tile.height + (rows - 1) * GAP).toBeLessThanOrEqual(box.height);
    expect(tile.width).toBeGreaterThan(100);
  }
});

test("two people are beside each other on a wide screen and above each other on a phone", () => {
  expect(gridFor(2, { width: 1256, height: 660 }).columns).toBe(2);
  expect(gridFor(2, { width: 296, height: 480 }).columns).toBe(1);
});

test("a tile is never flatter than a camera's picture", () => {
  const { tile } = gridFor(1, { width: 2000, height: 300 });
  expect(tile.width / tile.height).toBeLessThan(1.79);
});

test("a box that has no size yet still has a page", () => {
  expect(tilesPerPage({ width: 0, height: 0 })).toBe(1);
  expect(gridFor(3, { width: 0, height: 0 }).tile).toEqual({ width: 0, height: 0 });
});
