// A labelled check box with a hint.
import { type ComponentProps, useId } from "react";
import styles from "./checkbox.module.css";

interface CheckboxProps extends ComponentProps<"input"> {
  readonly label: string;
  readonly hint: string;
}

export function Checkbox({ label, hint, ...rest }: CheckboxProps) {
  const id = useId();
  return (
    <div className={styles.field}>
      <input id={id} type="checkbox" className={styles.box} aria-describedby={`${id}-hint`} {...rest} />
      <label htmlFor={id} className={styles.label}>
        {label}
      </label>
      <p id={`${id}-hint`} className={styles.hint}>
        {hint}
      </p>
    </div>
  );
}
