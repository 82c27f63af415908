import { Check } from "lucide-react";
import { DropdownMenu as Radix } from "radix-ui";
import type { ReactNode } from "react";

/** What a button opens: commands and choices. The child of `trigger` is the button. */
export function Menu({ trigger, children, align = "end" }: { trigger: ReactNode; children: ReactNode; align?: "start" | "end" }) {
  return (
    <Radix.Root modal={false}>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          align={align}
          sideOffset={6}
          collisionPadding={10}
          className="z-50 max-h-(--radix-dropdown-menu-content-available-height) min-w-48 overflow-y-auto rounded-xl border border-line bg-raised p-1 text-sm shadow-high [animation:appear_100ms_ease-out]"
        >
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

const item =
  "flex min-h-8 cursor-pointer select-none items-center gap-2 rounded-md px-2.5 py-1 outline-none data-[disabled]:cursor-default data-[disabled]:opacity-50 data-[highlighted]:bg-hover";

export function MenuItem({ icon, children, onSelect, danger = false, disabled = false }: { icon?: ReactNode; children: ReactNode; onSelect: () => void; danger?: boolean; disabled?: boolean }) {
  return (
    <Radix.Item disabled={disabled} onSelect={onSelect} className={danger ? `${item} text-bad` : item}>
      {icon}
      {children}
    </Radix.Item>
  );
}

export function MenuCheck({ checked, onChange, children }: { checked: boolean; onChange: (checked: boolean) => void; children: ReactNode }) {
  return (
    <Radix.CheckboxItem checked={checked} onCheckedChange={onChange} onSelect={(event) => event.preventDefault()} className={item}>
      <span className="grid size-4 place-items-center">{checked && <Check size={15} aria-hidden />}</span>
      {children}
    </Radix.CheckboxItem>
  );
}

export function MenuChoice<T extends string>({ label, value, choices, onChange }: { label: string; value: T; choices: readonly (readonly [T, ReactNode])[]; onChange: (value: T) => void }) {
  return (
    <Radix.Group>
      <Radix.Label className="px-2.5 pb-1 pt-2 text-xs font-medium text-muted">{label}</Radix.Label>
      <Radix.RadioGroup aria-label={label} value={value} onValueChange={(next) => onChange(next as T)}>
        {choices.map(([choice, name]) => (
          <Radix.RadioItem key={choice} value={choice} onSelect={(event) => event.preventDefault()} className={item}>
            <span className="grid size-4 place-items-center">
              <Radix.ItemIndicator>
                <Check size={15} aria-hidden />
              </Radix.ItemIndicator>
            </span>
            {name}
          </Radix.RadioItem>
        ))}
      </Radix.RadioGroup>
    </Radix.Group>
  );
}

export function MenuLine() {
  return <Radix.Separator className="my-1 h-px bg-line" />;
}
