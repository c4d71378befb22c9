import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { de } from "./de";
import { LANGUAGES, preferredLanguage, type Texts, translator } from "./texts";

const SOURCE = join(import.meta.dirname, "..");

describe("the texts", () => {
  test.each(Object.keys(LANGUAGES))("%s has every key with the same placeholders", (name) => {
    const texts: Texts = LANGUAGES[name as keyof typeof LANGUAGES];
    expect(Object.keys(texts).sort()).toEqual(Object.keys(de).sort());
    for (const [key, text] of Object.entries(texts)) {
      expect(text.trim(), key).not.toBe("");
      expect(placeholders(text), key).toEqual(placeholders(de[key as keyof typeof de]));
    }
  });

  test("every text is used somewhere", () => {
    const source = sourceFiles(SOURCE)
      .map((file) => readFileSync(file, "utf8"))
      .join("\n");
    const unused = Object.keys(de).filter((key) => !source.includes(`"${key}"`) && !isBuilt(key));
    expect(unused).toEqual([]);
  });

  test("values take the places that the text names", () => {
    expect(translator("en")("meeting.pages", { page: 2, pages: 3 })).toBe("Page 2 of 3");
    expect(translator("de")("tile.you", { name: "Anna" })).toBe("Anna (Sie)");
  });

  test("a name that looks like a placeholder is left as it is", () => {
    expect(translator("en")("said.joined", { name: "{name} $1" })).toBe("{name} $1 has joined.");
  });

  test("the first known language of the person wins, German where none is known", () => {
    expect(preferredLanguage(["fr-FR", "en-GB", "de"])).toBe("en");
    expect(preferredLanguage(["fr"])).toBe("de");
    expect(preferredLanguage(["constructor"])).toBe("de");
  });
});

/** Keys that are put together from a cause, a device or a reason; the types make sure that each exists. */
function isBuilt(key: string): boolean {
  return /^((blocked|ended|said|device\.turn(On|Off))\.|device\.(microphone|camera|speaker)$)/.test(key);
}

function placeholders(text: string): string[] {
  return [...text.matchAll(/\{\w+\}/g)].map(([placeholder]) => placeholder).sort();
}

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => /\.tsx?$/.test(file) && !file.startsWith("i18n"))
    .map((file) => join(folder, file));
}
