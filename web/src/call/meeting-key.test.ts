import { expect, test } from "vitest";
import { isWhole, keyInFragment, keyInLink, type MeetingKey, meetingPath, randomKey } from "./meeting-key";
import type { RoomName } from "./room-name";

const ROOM = "bau amt" as RoomName;

test("a link to an encrypted meeting carries its key behind the hash, and gives it back", () => {
  const key = "a+b/c=d&e key of more letters" as MeetingKey;
  const path = meetingPath(ROOM, key);
  expect(path.split("#")[0]).toBe("/r/bau%20amt");
  expect(keyInLink(`https://saal.example${path}`)).toBe(key);
  expect(meetingPath(ROOM, null)).toBe("/r/bau%20amt");
});

test("keys cannot be guessed and are never the same", () => {
  expect(randomKey()).toMatch(/^[a-z2-9]{26}$/);
  expect(randomKey()).not.toBe(randomKey());
  expect(isWhole(randomKey())).toBe(true);
});

test("a key that was cut off is damaged, and no reason to go without", () => {
  for (const fragment of ["#key=", "#key=abc", `#key=${"a".repeat(300)}`]) {
    const key = keyInFragment(fragment);
    expect(key).not.toBeNull();
    expect(key !== null && isWhole(key)).toBe(false);
  }
});

test("without a key there is none", () => {
  expect(keyInFragment("")).toBeNull();
  expect(keyInFragment("#token=a.b.c")).toBeNull();
  expect(keyInLink("bau amt#key=abcdefghijklmnopqrst")).toBeNull();
});
