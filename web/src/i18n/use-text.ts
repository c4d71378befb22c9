// The language the page speaks, kept on this device, and the hook that gives components its texts.
import { useSyncExternalStore } from "react";
import { isLanguage, type Language, preferredLanguage, type Translate, translator } from "./texts";

const STORAGE_KEY = "saal.language";

let language: Language = storedLanguage() ?? preferredLanguage(navigator.languages);
let translate: Translate = translator(language);
const listeners = new Set<() => void>();
document.documentElement.lang = language;

export function useText(): Translate {
  return useSyncExternalStore(subscribe, () => translate);
}

export function useLanguage(): Language {
  return useSyncExternalStore(subscribe, () => language);
}

export function setLanguage(chosen: Language): void {
  language = chosen;
  translate = translator(chosen);
  document.documentElement.lang = chosen;
  try {
    localStorage.setItem(STORAGE_KEY, chosen);
  } catch {
    // A browser that stores nothing still speaks the language until the page is closed.
  }
  for (const listener of listeners) listener();
}

function storedLanguage(): Language | undefined {
  try {
    const stored = localStorage.getItem(STORAGE_KEY);
    return isLanguage(stored) ? stored : undefined;
  } catch {
    return undefined;
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
