// The client's button: plain, main or dangerous.
import type { ComponentProps } from "react";
import styles from "./button.module.css";

interface ButtonProps extends ComponentProps<"button"> {
  readonly look?: "plain" | "main" | "danger" | "quiet";
}

export function Button({ look = "plain", type = "button", ...rest }: ButtonProps) {
  return <button type={type} className={styles.button} data-look={look} {...rest} />;
}
