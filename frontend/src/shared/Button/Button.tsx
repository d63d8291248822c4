import type { ButtonHTMLAttributes, ComponentChildren } from "preact";
import "./Button.css";

export interface ButtonProps extends Omit<ButtonHTMLAttributes, "size"> {
  tone?: "primary" | "plain" | "quiet" | "danger";
  size?: "m" | "s" | "l";
  busy?: boolean;
  children: ComponentChildren;
}

/** A button that never submits a form by accident and cannot be pressed twice while busy. */
export function Button({
  tone = "plain",
  size = "m",
  busy = false,
  type = "button",
  disabled,
  children,
  class: extra,
  ...rest
}: ButtonProps) {
  return (
    <button
      {...rest}
      type={type}
      class={`button ${extra ?? ""}`}
      data-tone={tone}
      data-size={size}
      disabled={disabled === true || busy}
      aria-busy={busy}
    >
      {children}
    </button>
  );
}
