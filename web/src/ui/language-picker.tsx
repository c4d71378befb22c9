// Lets the person choose the language; the page changes at once, without a reload.
import { isLanguage, LANGUAGE_NAMES } from "../i18n/texts";
import { setLanguage, useLanguage, useText } from "../i18n/use-text";
import { Icon } from "./icon";
import styles from "./language-picker.module.css";

export function LanguagePicker() {
  const t = useText();
  const language = useLanguage();
  return (
    <label className={styles.picker}>
      <Icon name="globe" />
      <select
        aria-label={t("app.language")}
        value={language}
        onChange={({ target }) => isLanguage(target.value) && setLanguage(target.value)}
      >
        {Object.entries(LANGUAGE_NAMES).map(([tag, name]) => (
          <option key={tag} value={tag} lang={tag}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
