import { expect, test } from "vitest";
import { parseRoomName, randomRoomName, roomOfPath, roomPath } from "./room-name";

test("a name with spaces and umlauts comes back from its own address", () => {
  const room = parseRoomName("  Sitzung Bäder & Höfe 2/3 ");
  expect(room).toBe("Sitzung Bäder & Höfe 2/3");
  expect(room && roomOfPath(roomPath(room))).toBe(room);
});

test("a pasted link names its room", () => {
  expect(parseRoomName("https://saal.example.org/r/bau%20amt#token=x")).toBe("bau amt");
});

test.each(["", "   ", "x".repeat(65), "two\nlines"])("%j names no room", (text) => {
  expect(parseRoomName(text)).toBeNull();
});

test.each(["/", "/r/", "/r/a/b", "/admin", "/r/%E0%A4%A"])("the path %s is no room", (path) => {
  expect(roomOfPath(path)).toBeNull();
});

test("a new room's name is long and never the same", () => {
  expect(randomRoomName()).toMatch(/^[a-z2-9]{26}$/);
  expect(randomRoomName()).not.toBe(randomRoomName());
});
