// The size of an element, followed while it changes.
import { type RefObject, useLayoutEffect, useRef, useState } from "react";
import type { Box } from "../../call/grid";

export function useBox<E extends HTMLElement>(): [RefObject<E | null>, Box] {
  const element = useRef<E>(null);
  const [box, setBox] = useState<Box>({ width: 0, height: 0 });
  useLayoutEffect(() => {
    if (element.current === null) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setBox({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return [element, box];
}
