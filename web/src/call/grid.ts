// How many tiles fit into a box, how they are arranged and how large they are. Pure arithmetic on CSS pixels.

export interface Box {
  readonly width: number;
  readonly height: number;
}

export interface Grid {
  readonly columns: number;
  readonly tile: Box;
}

/** Between two tiles; the grid's style uses the same. */
export const GAP = 8;
/** Below this a face is no longer a face. */
const TILE_WIDTH_MIN = 150;
const TILE_HEIGHT_MIN = 100;
/** What the decoders of an ordinary laptop carry; more people go to further pages. */
const TILES_PER_PAGE_MAX = 25;
/** Cameras are 16:9; up to 4:3 the crop still shows the face, and less of the screen stays empty. */
const ASPECT_MAX = 16 / 9;
const ASPECT_MIN = 4 / 3;

/** The most tiles that a page of this size shows; at least one. */
export function tilesPerPage(box: Box): number {
  const columns = Math.max(1, Math.floor((box.width + GAP) / (TILE_WIDTH_MIN + GAP)));
  const rows = Math.max(1, Math.floor((box.height + GAP) / (TILE_HEIGHT_MIN + GAP)));
  return Math.min(TILES_PER_PAGE_MAX, columns * rows);
}

/** The arrangement of `count` tiles that makes them as large as the box allows. */
export function gridFor(count: number, box: Box): Grid {
  const grids = Array.from({ length: Math.max(1, count) }, (_, index) => gridOf(index + 1, count, box));
  return grids.reduce((best, grid) => (area(grid.tile) > area(best.tile) ? grid : best));
}

function gridOf(columns: number, count: number, box: Box): Grid {
  const rows = Math.max(1, Math.ceil(count / columns));
  const cellWidth = Math.max(0, (box.width - GAP * (columns - 1)) / columns);
  const cellHeight = Math.max(0, (box.height - GAP * (rows - 1)) / rows);
  const width = Math.floor(Math.min(cellWidth, cellHeight * ASPECT_MAX));
  return { columns, tile: { width, height: Math.floor(Math.min(cellHeight, width / ASPECT_MIN)) } };
}

function area(box: Box): number {
  return box.width * box.height;
}
