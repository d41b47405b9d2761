import type { ReactNode } from "react";

/** The key of a button, for the eye: screen readers have it from aria-keyshortcuts. */
export const Key = ({ children }: { readonly children: ReactNode }): ReactNode => (
  <span className="key" aria-hidden="true">
    {children}
  </span>
);
