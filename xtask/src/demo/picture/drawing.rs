//! Draws panels as SVG.

use std::io;

use plotters::coord::Shift;
use plotters::prelude::*;

use super::panel::{Content, Line, Panel};

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<io::Error>>;

/// Pixels of a cell of the grid.
const CELL: (i32, i32) = (50, 26);
const INK: RGBColor = RGBColor(51, 51, 51);
const FRAME: RGBColor = RGBColor(221, 221, 221);
const COLOURS: [RGBColor; 6] = [
    RGBColor(50, 116, 217),
    RGBColor(86, 166, 75),
    RGBColor(224, 117, 45),
    RGBColor(163, 82, 204),
    RGBColor(224, 47, 68),
    RGBColor(143, 143, 143),
];
/// Of a table; more do not fit.
const ROWS: usize = 6;

/// The panels where the dashboard has them. Lines go from 0 to `seconds`.
pub fn svg(panels: &[Panel], seconds: f64) -> Result<String, DrawingAreaErrorKind<io::Error>> {
    let right = panels
        .iter()
        .map(|panel| panel.place.x + panel.place.w)
        .max();
    let bottom = panels
        .iter()
        .map(|panel| panel.place.y + panel.place.h)
        .max();
    let size = (right.unwrap_or(1) * CELL.0, bottom.unwrap_or(1) * CELL.1);
    let pixels = |length: i32| u32::try_from(length).unwrap_or(1);
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (pixels(size.0), pixels(size.1)));
        let root = root.into_drawing_area();
        root.fill(&WHITE)?;
        for panel in panels {
            let place = panel.place;
            let corner = (place.x * CELL.0 + 3, place.y * CELL.1 + 3);
            let size = (pixels(place.w * CELL.0 - 6), pixels(place.h * CELL.1 - 6));
            draw(&root.clone().shrink(corner, size), panel, seconds)?;
        }
        root.present()?;
    }
    Ok(text)
}

fn draw(area: &Area<'_>, panel: &Panel, seconds: f64) -> Drawn {
    let (width, height) = area.dim_in_pixel();
    let corner = |length: u32| i32::try_from(length).unwrap_or_default() - 1;
    let title = ("sans-serif", 13)
        .into_font()
        .style(FontStyle::Bold)
        .color(&INK);
    if !matches!(panel.content, Content::Row) {
        area.draw(&Rectangle::new(
            [(0, 0), (corner(width), corner(height))],
            FRAME,
        ))?;
    }
    area.draw(&Text::new(panel.title.clone(), (8, 6), title))?;
    let body = area.margin(22, 4, 6, 12);
    match &panel.content {
        Content::Row => Ok(()),
        Content::Stat(value) => {
            let value = value.map_or("–".to_owned(), |value| short(value, &panel.unit));
            let large = ("sans-serif", 30).into_font().color(&COLOURS[0]);
            body.draw(&Text::new(value, (6, 16), large))
        }
        Content::Table(rows) => table(&body, rows, &panel.unit),
        Content::Lines(lines) if lines.is_empty() => words(&body, 0, "no data", None),
        Content::Lines(lines) => plot(&body, lines, &panel.unit, seconds),
    }
}

fn table(area: &Area<'_>, rows: &[(String, f64)], unit: &str) -> Drawn {
    if rows.is_empty() {
        return words(area, 0, "none", None);
    }
    for (line, (name, value)) in (0..).zip(rows.iter().take(ROWS)) {
        words(area, line, name, Some(&short(*value, unit)))?;
    }
    Ok(())
}

/// A line of text, with a number at its end.
fn words(area: &Area<'_>, line: i32, text: &str, value: Option<&str>) -> Drawn {
    let style = ("sans-serif", 11).into_font().color(&INK);
    let shown: String = text.chars().take(52).collect();
    let y = 8 + 18 * line;
    area.draw(&Text::new(shown, (4, y), style.clone()))?;
    let Some(value) = value else { return Ok(()) };
    let (width, _) = area.dim_in_pixel();
    area.draw(&Text::new(
        value.to_owned(),
        (i32::try_from(width).unwrap_or_default() - 70, y),
        style,
    ))
}

fn plot(area: &Area<'_>, lines: &[Line], unit: &str, seconds: f64) -> Drawn {
    let values = || {
        lines
            .iter()
            .flat_map(|line| &line.points)
            .map(|point| point.1)
    };
    let most = values().fold(0.0, f64::max);
    let least = values().fold(0.0, f64::min);
    let room = if most > least {
        (most - least) * 0.1
    } else {
        1.0
    };
    let mut chart = ChartBuilder::on(area)
        .x_label_area_size(18)
        .y_label_area_size(52)
        .build_cartesian_2d(0.0..seconds, least..most + room)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(FRAME)
        .axis_style(FRAME)
        .label_style(("sans-serif", 10).into_font().color(&INK))
        .x_labels(5)
        .y_labels(4)
        .x_label_formatter(&|second| {
            format!("{:.0}:{:02.0}", (second / 60.0).floor(), second % 60.0)
        })
        .y_label_formatter(&|value| short(*value, unit))
        .draw()?;
    for (number, line) in lines.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let drawn = chart.draw_series(LineSeries::new(line.points.iter().copied(), &colour))?;
        if number < COLOURS.len() && !line.name.is_empty() {
            let mark = move |(x, y)| PathElement::new([(x, y), (x + 10, y)], colour);
            drawn
                .label(line.name.chars().take(28).collect::<String>())
                .legend(mark);
        }
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .label_font(("sans-serif", 9).into_font().color(&INK))
        .background_style(WHITE.mix(0.7))
        .legend_area_size(14)
        .draw()
}

/// A number as an axis shows it.
fn short(value: f64, unit: &str) -> String {
    match unit {
        "bytes" => format!("{:.0} MiB", value / f64::from(1 << 20)),
        "s" if value.abs() >= 172_800.0 => format!("{:.0} d", value / 86_400.0),
        "s" if value.abs() >= 7_200.0 => format!("{:.0} h", value / 3_600.0),
        "s" if value.abs() >= 120.0 => format!("{:.0} min", value / 60.0),
        "s" if value.abs() >= 10.0 => format!("{value:.0} s"),
        "s" => format!("{value:.2} s"),
        "reqps" | "ops" => format!("{value:.1}/s"),
        _ if value.fract() == 0.0 || value.abs() >= 10.0 => format!("{value:.0}"),
        _ => format!("{value:.2}"),
    }
}
