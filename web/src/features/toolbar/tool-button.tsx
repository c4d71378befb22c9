// One button of the toolbar: a symbol with a word below it, which small screens leave out.
import type { ComponentProps, ReactNode } from "react";
import { Icon, type IconName } from "../../ui/icon";
import styles from "./toolbar.module.css";

interface ToolButtonProps extends ComponentProps<"button"> {
  readonly icon: IconName;
  readonly words: string;
  readonly label: string;
  readonly children?: ReactNode;
}

export function ToolButton({ icon, words, label, children, ...rest }: ToolButtonProps) {
  return (
    <button type="button" className={styles.tool} aria-label={label} title={label} {...rest}>
      <Icon name={icon} />
      <span className={styles.words}>{words}</span>
      {children}
    </button>
  );
}
