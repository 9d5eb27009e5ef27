//! Log lines as JSON: one flat object each, with what the spans around it say (the object, and its reconcile).

use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{self as lines, FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::{LookupSpan, Scope};

use crate::traces;

/// Writes an event as one JSON object.
#[derive(Debug, Clone, Copy)]
pub(super) struct JsonLines;

impl JsonLines {
    /// Writes them to standard error.
    pub(super) fn layer<S>() -> impl Layer<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        Self::layer_to(std::io::stderr)
    }

    fn layer_to<S, W>(writer: W) -> impl Layer<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
        W: for<'writer> lines::MakeWriter<'writer> + Send + Sync + 'static,
    {
        lines::layer()
            .fmt_fields(JsonFields::new())
            .event_format(Self)
            .with_ansi(false)
            .with_writer(writer)
    }
}

impl<S> FormatEvent<S, JsonFields> for JsonLines
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let about = event.metadata();
        let mut line = Line(Map::new());
        line.put("timestamp", time.into());
        line.put("level", about.level().as_str().into());
        line.put("target", about.target().into());
        if let Some(id) = traces::id() {
            line.put("trace_id", id.into());
        }
        // The innermost span has the last word, and the event itself after it.
        for span in ctx.event_scope().into_iter().flat_map(Scope::from_root) {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<JsonFields>>();
            let fields = fields.and_then(|fields| serde_json::from_str(&fields.fields).ok());
            if let Some(Value::Object(fields)) = fields {
                line.0.extend(fields);
            }
        }
        event.record(&mut line);
        writeln!(writer, "{}", Value::Object(line.0))
    }
}

/// A line in the making.
struct Line(Map<String, Value>);

impl Line {
    fn put(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }
}

impl Visit for Line {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name(), format!("{value:?}").into());
    }
}

#[cfg(test)]
pub(in crate::runtime) mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// Remembers what is written.
    #[derive(Clone, Default)]
    pub struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Paper {
        /// What takes down all that is logged.
        pub fn subscriber(&self) -> impl tracing::Subscriber + Send + Sync + 'static {
            let writer = self.clone();
            tracing_subscriber::registry().with(JsonLines::layer_to(move || writer.clone()))
        }

        /// All that was logged.
        pub fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl io::Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_one_flat_object_with_what_the_spans_around_it_say() {
        let paper = Paper::default();
        tracing::subscriber::with_default(paper.subscriber(), || {
            let reconcile = tracing::error_span!("reconcile", name = "web", generation = 7_i64);
            let _reconcile = reconcile.enter();
            let _step = tracing::error_span!("step", step = "CreateToken").entered();
            tracing::warn!(tries = 3_u64, reason = %"RateLimited", "will be \"tried\" again");
        });
        let text = paper.text();
        let line: Value = serde_json::from_str(&text).unwrap();
        let expected = [
            ("name", Value::from("web")),
            ("generation", 7.into()),
            ("step", "CreateToken".into()),
            ("tries", 3.into()),
            ("reason", "RateLimited".into()),
            ("message", "will be \"tried\" again".into()),
            ("level", "WARN".into()),
            ("target", module_path!().into()),
        ];
        for (field, value) in expected {
            assert_eq!(line[field], value, "{field} in {line}");
        }
        let time = line["timestamp"].as_str().unwrap();
        assert!(time.parse::<jiff::Timestamp>().is_ok(), "{time}");
        assert_eq!(text.lines().count(), 1);
    }
}
