// Lets the person say with whom they sit in one room: nobody, a group there is, or a new one.
import { useId, useState } from "react";
import { NEIGHBOURS_LENGTH_MAX } from "../../call/neighbours";
import { useText } from "../../i18n/use-text";
import { Field } from "../../ui/field";
import styles from "./neighbours.module.css";

interface NeighboursPickerProps {
  /** The group's name; empty for nobody. */
  readonly group: string;
  readonly groups: readonly string[];
  readonly onChange: (group: string) => void;
}

/** No group has this name: names are trimmed. */
const NEW = " ";

export function NeighboursPicker({ group, groups, onChange }: NeighboursPickerProps) {
  const t = useText();
  const id = useId();
  const [isNew, setNew] = useState(group !== "" && !groups.includes(group));

  function choose(value: string) {
    setNew(value === NEW);
    onChange(value.trim());
  }

  return (
    <div className={styles.picker}>
      <label htmlFor={id}>{t("neighbours.label")}</label>
      <select
        id={id}
        data-testid="neighbours"
        aria-describedby={`${id}-hint`}
        value={isNew ? NEW : group}
        onChange={({ target }) => choose(target.value)}
      >
        <option value="">{t("neighbours.nobody")}</option>
        {groups.map((name) => (
          <option key={name} value={name}>
            {t("neighbours.group", { name })}
          </option>
        ))}
        <option value={NEW}>{t("neighbours.new")}</option>
      </select>
      <p id={`${id}-hint`} className={styles.hint}>
        {t("neighbours.hint")}
      </p>
      {isNew && (
        <Field
          label={t("neighbours.name")}
          hint={t("neighbours.name.hint")}
          maxLength={NEIGHBOURS_LENGTH_MAX}
          value={group}
          data-testid="neighbours-name"
          onChange={({ target }) => onChange(target.value)}
        />
      )}
    </div>
  );
}
