// What a dashboard of ours may hold: Grafana's own types, narrowed to the panels that we use, so that their options are checked too.
// Makes dashboard.schema.json; see README.md.
import type * as bargauge from "@grafana/grafana-foundation-sdk/bargauge";
import type * as common from "@grafana/grafana-foundation-sdk/common";
import type * as dashboard from "@grafana/grafana-foundation-sdk/dashboard";
import type * as prometheus from "@grafana/grafana-foundation-sdk/prometheus";
import type * as stat from "@grafana/grafana-foundation-sdk/stat";
import type * as statetimeline from "@grafana/grafana-foundation-sdk/statetimeline";
import type * as table from "@grafana/grafana-foundation-sdk/table";
import type * as text from "@grafana/grafana-foundation-sdk/text";
import type * as timeseries from "@grafana/grafana-foundation-sdk/timeseries";
import type * as units from "@grafana/grafana-foundation-sdk/units";

/** The same type without its name: every kind of panel calls its own "Options". */
type Plain<T> = { [Key in keyof T]: T[Key] };

interface Prometheus {
  type: "prometheus";
  uid: "leeway-prometheus";
}

interface Postgres {
  type: "grafana-postgresql-datasource";
  uid: "leeway-postgres";
}

/** A query of Prometheus. The SDK's marker of variants is a method, which JSON does not have. */
type PromQuery = Omit<prometheus.Dataquery, "_implementsDataqueryVariant" | "datasource" | "refId"> & {
  datasource: Prometheus;
  refId: string;
};

/** A query of Postgres: the SDK has no type for it. As Grafana 11 writes one in code mode. */
interface SqlQuery {
  datasource: Postgres;
  editorMode: "code";
  format: "table" | "time_series";
  rawQuery: true;
  rawSql: string;
  refId: string;
}

/** The units that we use. Grafana takes any text and shows what it does not know as it is. */
type Unit =
  | typeof units.BytesIEC
  | typeof units.OpsPerSecond
  | typeof units.PercentUnit
  | typeof units.RequestsPerSecond
  | typeof units.RowsPerSecond
  | typeof units.ScientificNotation
  | typeof units.Seconds
  | typeof units.Short;

interface Fields<Custom> {
  defaults: Omit<dashboard.FieldConfig, "custom" | "unit"> & { custom?: Custom; unit?: Unit };
  overrides: dashboard.FieldConfigSource["overrides"];
}

interface Placed {
  id: number;
  title: string;
  /** Every panel says what it shows. */
  description: string;
  gridPos: dashboard.GridPos;
}

type Panel<Type extends string, Options, Custom> = Omit<
  dashboard.Panel,
  "type" | "options" | "fieldConfig" | "targets" | "datasource" | "title" | "description" | "id" | "gridPos"
> &
  Placed & {
    type: Type;
    options: Options;
    fieldConfig: Fields<Custom>;
  } & ({ datasource: Prometheus; targets: PromQuery[] } | { datasource: Postgres; targets: SqlQuery[] });

interface TextPanel extends Placed {
  type: "text";
  options: Plain<text.Options>;
}

interface Row {
  type: "row";
  id: number;
  title: string;
  collapsed: false;
  gridPos: dashboard.GridPos;
  panels: [];
}

type Nothing = Record<string, never>;

export interface Dashboard
  extends Omit<dashboard.Dashboard, "panels" | "id" | "snapshot" | "uid" | "title" | "description" | "tags"> {
  id: null;
  uid: string;
  title: string;
  description: string;
  tags: string[];
  panels: (
    | Panel<"timeseries", Plain<timeseries.Options>, Plain<common.GraphFieldConfig>>
    | Panel<"stat", Plain<stat.Options>, Nothing>
    | Panel<"bargauge", Plain<bargauge.Options>, Nothing>
    | Panel<"table", Plain<table.Options>, Plain<common.TableFieldOptions>>
    | Panel<"state-timeline", Plain<statetimeline.Options>, Plain<statetimeline.FieldConfig>>
    | TextPanel
    | Row
  )[];
}
