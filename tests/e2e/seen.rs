//! What Prometheus, Grafana and people see of a running service: dashboards, rules, and the queries of the documents.

mod dashboards;
mod documents;
mod names;
mod queries;
