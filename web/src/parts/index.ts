/** The parts that pages are made of. */
export { Badge, StateBadge, StateIcon, toneOf, type Tone, useStateName } from "./Badge";
export { Button, buttonClass, IconButton } from "./Button";
export { Card, Facts, PageHead } from "./Card";
export { classes } from "./classes";
export { copy, CopyButton } from "./CopyButton";
export { Confirm, Dialog } from "./Dialog";
export { Area, Checkbox, controlClass, Field, FieldError, Input, Select, useField } from "./Field";
export { Menu, MenuCheck, MenuChoice, MenuItem, MenuLine } from "./Menu";
export { EmptyState, ErrorPanel, Skeleton, useErrorText } from "./States";
export { type Column, Table } from "./Table";
export { type Tab, Tabs } from "./Tabs";
export { Duration, RelativeTime, useNow } from "./Time";
export { toast } from "./Toast";
