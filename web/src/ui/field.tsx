// A labelled text field with a hint and, where needed, what is wrong with it.
import { type ComponentProps, useId } from "react";
import styles from "./field.module.css";

interface FieldProps extends ComponentProps<"input"> {
  readonly label: string;
  readonly hint?: string;
  readonly problem?: string | null;
}

export function Field({ label, hint, problem = null, ...rest }: FieldProps) {
  const id = useId();
  return (
    <div className={styles.field}>
      <label className={styles.label} htmlFor={id}>
        {label}
      </label>
      <input
        id={id}
        className={styles.input}
        aria-invalid={problem !== null}
        aria-describedby={`${id}-hint`}
        {...rest}
      />
      <p id={`${id}-hint`} className={styles.hint} data-problem={problem !== null}>
        {problem ?? hint}
      </p>
    </div>
  );
}
