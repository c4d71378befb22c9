import { expect, test } from "vitest";
import { Silence } from "./silence";

/** Looks at a line on which so many bytes have arrived by each look; gives the looks that found it dead. */
function deadAt(arrived: readonly number[], isSending = (_look: number) => true): number[] {
  const silence = new Silence();
  return arrived.flatMap((bytes, look) => (silence.isDeadAfter(bytes, isSending(look)) ? [look] : []));
}

const flowing = (looks: number, from = 0) => Array.from({ length: looks }, (_, look) => from + look + 1);
const still = (looks: number, at: number) => Array<number>(looks).fill(at);

test("a line is dead after a second without anything, and this is told once", () => {
  expect(deadAt([...flowing(12), ...still(40, 12)])).toEqual([15]);
});

test("three silent looks are nothing", () => {
  expect(deadAt([...flowing(12), ...still(3, 12), ...flowing(20, 12)])).toEqual([]);
});

test("nobody who sends nothing is told of silence: there may be nothing to receive", () => {
  expect(deadAt([...flowing(12), ...still(40, 12)], () => false)).toEqual([]);
  expect(deadAt([...flowing(12), ...still(40, 12)], (look) => look < 12)).toEqual([]);
});

test("a line on which little arrives anyway is not called dead", () => {
  const seldom = Array.from({ length: 60 }, (_, look) => Math.floor(look / 3));
  expect(deadAt([...seldom, ...still(40, 20)])).toEqual([]);
});

test("a line that dies again soon is left to the connection's own retries for 15 seconds", () => {
  const again = [...flowing(12), ...still(4, 12), ...flowing(12, 12), ...still(30, 24)];
  expect(deadAt(again)).toEqual([15]);
  const later = [...flowing(12), ...still(4, 12), ...flowing(70, 12), ...still(30, 82)];
  expect(deadAt(later)).toEqual([15, 89]);
});
