// A screen with one thing on it: brand and language on top, the thing in the middle.
import { type ReactNode, useEffect, useRef } from "react";
import { useText } from "../i18n/use-text";
import styles from "./card.module.css";
import { LanguagePicker } from "./language-picker";

interface CardProps {
  readonly title: string;
  readonly isWide?: boolean;
  readonly children: ReactNode;
}

export function Card({ title, isWide = false, children }: CardProps) {
  const t = useText();
  const heading = useRef<HTMLHeadingElement>(null);
  // A new screen says its name to those who cannot see it.
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  return (
    <div className={styles.page}>
      <header className={styles.top}>
        <a className={styles.brand} href="/">
          <Mark />
          {t("app.name")}
        </a>
        <LanguagePicker />
      </header>
      <main className={styles.middle}>
        <section className={styles.card} data-wide={isWide}>
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {children}
        </section>
      </main>
    </div>
  );
}

function Mark() {
  return (
    <svg className={styles.mark} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="9" />
      <path d="M8.5 24v-8.5a7.5 7.5 0 0 1 15 0V24" />
      <circle cx="16" cy="18.5" r="3" />
    </svg>
  );
}
