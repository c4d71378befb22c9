// What a text is: a key, its placeholders, and a language that has it. Knows no component.
import { de } from "./de";
import { en } from "./en";

export type TextKey = keyof typeof de;
export type Texts = Readonly<Record<TextKey, string>>;

export const LANGUAGES = { de, en } as const satisfies Record<string, Texts>;
export type Language = keyof typeof LANGUAGES;
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = { de: "Deutsch", en: "English" };

type Placeholders<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholders<Rest>
  : never;

/** The values a text needs: none when it has no placeholder, all of them otherwise. */
export type TextValues<Key extends TextKey> = [Placeholders<(typeof de)[Key]>] extends [never]
  ? []
  : [values: Readonly<Record<Placeholders<(typeof de)[Key]>, string | number>>];

export type Translate = <Key extends TextKey>(key: Key, ...values: TextValues<Key>) => string;

export function translator(language: Language): Translate {
  const texts: Texts = LANGUAGES[language];
  return (key, ...[values]) => {
    const named: Readonly<Record<string, string | number>> = values ?? {};
    return texts[key].replace(/\{(\w+)\}/g, (placeholder, name: string) =>
      String(named[name] ?? placeholder),
    );
  };
}

/** The first language of the person's list that we have; German where we have none of them. */
export function preferredLanguage(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const language = tag.toLowerCase().split("-")[0];
    if (isLanguage(language)) return language;
  }
  return "de";
}

export function isLanguage(text: string | null | undefined): text is Language {
  return text != null && Object.hasOwn(LANGUAGES, text);
}
