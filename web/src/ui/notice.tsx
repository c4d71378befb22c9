// A line that says what the person should know or do right now.
import type { ComponentProps } from "react";
import styles from "./notice.module.css";

export function Notice(props: Omit<ComponentProps<"div">, "className" | "role">) {
  return <div {...props} className={styles.notice} role="alert" />;
}
