// One picture of the sprite, in the colour of the text around it.
export function Icon({ name, size = 16, bold, className = "" }) {
  return (
    <svg className={`ic${bold ? " b" : ""} ${className}`} width={size} height={size} aria-hidden="true">
      <use href={`/icons.svg#i-${name}`} />
    </svg>
  );
}
