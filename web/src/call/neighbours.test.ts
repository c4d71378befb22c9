import { expect, test } from "vitest";
import { groupName, groupsIn } from "./neighbours";

test("each group is named once, and nobody's is none", () => {
  const people = ["Ratssaal", "", "Bauamt", "Ratssaal"].map((neighbours) => ({ neighbours }));
  expect(groupsIn(people)).toEqual(["Bauamt", "Ratssaal"]);
});

test("a name of spaces is no group", () => {
  expect(groupName({ "saal.neighbours": "  " })).toBe("");
  expect(groupName({ "saal.neighbours": " Ratssaal" })).toBe("Ratssaal");
  expect(groupName({})).toBe("");
});
