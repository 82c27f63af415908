import type { Pair } from "..";

/** Overview. */
export const operations = {
  "overview.title": ["Overview", "Resumen"],
  "overview.total": ["All jobs", "Todos los jobs"],
  "overview.last-day": ["{n} in the last 24 h", "{n} en las últimas 24 h"],
  "overview.waiting": ["{n} waiting", "{n} en espera"],
  "overview.recent": ["Last runs", "Últimas ejecuciones"],
  "overview.trend": ["Jobs that ended, last 24 hours", "Jobs terminados, últimas 24 horas"],
  "overview.health": ["System health", "Salud del sistema"],
  "overview.control-plane": ["Control plane", "Plano de control"],
  "overview.up": ["{version}, up {time}", "{version}, activo {time}"],
  "overview.leader": ["{n} replicas, led by {name}", "{n} réplicas, dirigidas por {name}"],
  "overview.database": ["Database", "Base de datos"],
  "overview.answers-in": ["answers in {time}", "responde en {time}"],
  "overview.no-answer": ["does not answer", "no responde"],
  "overview.healthy-of": ["{healthy} of {n} healthy", "{healthy} de {n} sanos"],
  "overview.no-provider": [
    "None is enabled: jobs wait until one is, or until a worker comes by hand.",
    "Ninguno está habilitado: los jobs esperan a que lo esté uno, o a que llegue un worker a mano.",
  ],
  "overview.busy-idle": ["{busy} busy, {idle} idle", "{busy} ocupados, {idle} libres"],
  "overview.no-workers": ["They come by themselves when a job needs one.", "Aparecen solos cuando un job los necesita."],
  "overview.unheard": ["{n} does not answer|{n} do not answer", "{n} no responde|{n} no responden"],
  "overview.oldest": ["Oldest waiting job", "Job que más espera"],
  "overview.nothing-waits": ["nothing waits", "nada espera"],
  "overview.first.title": ["Run your first job", "Ejecuta tu primer job"],
  "overview.first.text": [
    "A job is a command or a script. Hodei finds a worker for it, runs it, and shows its output here as it is written.",
    "Un job es un comando o un script. Hodei le busca un worker, lo ejecuta y muestra aquí su salida según se escribe.",
  ],
  "overview.first.form": ["Describe a job", "Describir un job"],
  "overview.first.terminal": ["Or in a terminal", "O en una terminal"],
  "overview.first.curl": ["Or over HTTP", "O por HTTP"],
} as const satisfies Record<string, Pair>;
