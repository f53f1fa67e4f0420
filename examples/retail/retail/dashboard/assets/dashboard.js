import { count, money, smallest } from "./money.js";

const EVERY = 2000, DAYS = 30, PAGE = 20, DAY = 86_400_000;
const at = (id) => document.getElementById(id);
const answers = new Map(); // address -> {etag, value}: what did not change is not sent again
const state = { zone: "UTC", day: null, follow: true, limit: PAGE, round: 0 };

/** Ask a query; raise an Error that people can read. */
async function ask(name, fields = {}) {
  const given = Object.entries(fields).filter(([, value]) => value !== "" && value !== null && value !== false);
  const address = `queries/${name}?${new URLSearchParams(given)}`;
  const known = answers.get(address);
  const headers = known ? { "If-None-Match": known.etag } : {};
  const answer = await fetch(address, { headers, cache: "no-store" }).catch(() => null);
  if (answer === null) throw new Error("The shop cannot be reached.");
  state.position = answer.headers.get("Diptych-Position") ?? state.position;
  if (answer.status === 304) return known.value;
  const value = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error([value.title, value.detail].filter(Boolean).join(": ") || `Status ${answer.status}.`);
  answers.set(address, { etag: answer.headers.get("ETag"), value });
  if (answers.size > 200) answers.delete(answers.keys().next().value);
  return value;
}

/** Show a text where it differs, so that nothing is announced or painted without need. */
function show(id, text) {
  const element = at(id);
  if (element.textContent !== text) element.textContent = text;
}

function made(tag, text, kind) {
  const element = document.createElement(tag);
  element.textContent = text;
  if (kind) element.className = kind;
  return element;
}

/** Fill a table's body, unless it shows these very rows. */
function fill(id, rows, cellsOf, nothing) {
  const body = at(id), told = JSON.stringify(rows);
  if (body.dataset.told === told) return;
  body.dataset.told = told;
  const lines = rows.map((row) => {
    const line = document.createElement("tr");
    line.append(...cellsOf(row));
    return line;
  });
  if (!lines.length) {
    const cell = made("td", nothing, "nothing");
    cell.colSpan = 9;
    lines.push(document.createElement("tr"));
    lines[0].append(cell);
  }
  body.replaceChildren(...lines);
}

/** A cell with something below it in small print. */
function titled(title, below) {
  const cell = made("th", title);
  cell.scope = "row";
  if (below) cell.append(made("small", below));
  return cell;
}

/** The shop's day of a moment, as the API writes days. */
function dayOf(moment) {
  const wanted = { timeZone: state.zone, year: "numeric", month: "2-digit", day: "2-digit" };
  const { year, month, day } = Object.fromEntries(
    new Intl.DateTimeFormat("en", wanted).formatToParts(moment).map((part) => [part.type, part.value]),
  );
  return `${year}-${month}-${day}`;
}

const today = () => dayOf(new Date());

function shifted(day, days) {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY).toISOString().slice(0, 10);
}

function named(day) {
  const parts = { timeZone: "UTC", weekday: "short", day: "numeric", month: "short", year: "numeric" };
  return new Intl.DateTimeFormat(undefined, parts).format(new Date(`${day}T00:00:00Z`));
}

function moment(text) {
  const time = { timeZone: state.zone, hour: "2-digit", minute: "2-digit" };
  const date = { timeZone: state.zone, day: "numeric", month: "short" };
  const then = new Date(text);
  return new Intl.DateTimeFormat(undefined, dayOf(then) === state.day ? time : { ...date, ...time }).format(then);
}

function showBoard(board) {
  show("day-title", state.day === today() ? "Today" : named(state.day));
  for (const name of ["today", "week"]) {
    show(`${name}-total`, money(board[name].total));
    show(`${name}-count`, count(board[name].count));
    show(`${name}-average`, money(board[name].average));
  }
  show("inventory-value", money(board.inventory_value));
  show("low-stock", count(board.low_stock));
  fill("recent", board.recent, (sale) => [
    titled(sale.sale, sale.status === "cancelled" ? "cancelled" : sale.payment),
    made("td", moment(sale.sold_at)),
    made("td", sale.customer_name ?? "", "wide"),
    made("td", money(sale.total), "number"),
  ], "No sales yet.");
}

function showInventory(inventory) {
  show("stock-products", count(inventory.products));
  show("stock-units", count(inventory.units));
}

function showBest(page) {
  fill("best", page.items, (row) => [
    titled(row.description, row.product),
    made("td", count(row.net_units), "number"),
    made("td", money(row.net_revenue), "number"),
  ], "Nothing was sold yet.");
}

function showDays(report) {
  const found = new Map(report.days.map((row) => [row.day, row]));
  const none = { count: 0, total: "0", cash: "0", credit: "0" };
  const days = Array.from({ length: DAYS }, (_, index) => shifted(state.day, index + 1 - DAYS));
  const rows = days.map((day) => found.get(day) ?? { ...none, day });
  show("chart-caption", `${money(report.total)} in ${count(report.count)} sales, ${money(report.average)} each`);
  show("chart-first", named(days[0]));
  show("chart-last", named(days.at(-1)));
  draw(rows);
  fill("days", rows.toReversed(), (row) => [
    titled(named(row.day)),
    made("td", count(row.count), "number"),
    made("td", money(row.total), "number"),
    made("td", money(row.cash), "number wide"),
    made("td", money(row.credit), "number wide"),
  ], "");
}

function draw(rows) {
  const chart = at("chart"), told = JSON.stringify(rows);
  if (chart.dataset.told === told) return;
  chart.dataset.told = told;
  const totals = rows.map((row) => smallest(row.total));
  const most = totals.reduce((best, total) => (total > best ? total : best), 1n);
  chart.replaceChildren(...rows.map((row, index) => {
    const height = Number((totals[index] * 1900n) / most) / 10; // tenths of a pixel; figures stay whole until here
    return bar(index * (900 / DAYS), Math.max(height, totals[index] > 0n ? 2 : 0.5), row);
  }));
}

function bar(x, height, row) {
  const space = "http://www.w3.org/2000/svg";
  const found = document.createElementNS(space, "rect");
  const place = { x: x + 3, y: 200 - height, width: 900 / DAYS - 6, height };
  for (const [name, value] of Object.entries(place)) found.setAttribute(name, value);
  found.classList.toggle("chosen", row.day === state.day);
  const title = document.createElementNS(space, "title");
  title.textContent = `${named(row.day)}: ${money(row.total)} in ${count(row.count)} sales`;
  found.append(title);
  return found;
}

function showProducts(page) {
  const shown = page.items.length;
  show("found", page.total ? `${count(page.total)} found, ${count(shown)} shown` : "No product matches.");
  at("more").hidden = shown >= page.total || shown >= 500;
  fill("products", page.items, (row) => [
    titled(row.description, row.product),
    made("td", row.department_name ?? "", "wide"),
    made("td", row.available ? "in stock" : "none", row.available ? "" : "dim"),
    made("td", money(row.price), "number"),
  ], "");
}

function showDepartments(page) {
  const select = at("department"), chosen = select.value, told = JSON.stringify(page.items);
  if (select.dataset.told === told) return;
  select.dataset.told = told;
  const options = page.items.map((row) => {
    const option = made("option", row.name);
    option.value = row.department;
    return option;
  });
  select.replaceChildren(select.options[0], ...options);
  select.value = chosen;
}

/** Follow the shop's today; a shop whose sales lie long ago is shown on its last day. */
async function chooseDay() {
  const shop = await ask("GetShop");
  state.zone = shop.timezone;
  const now = today();
  const past = shop.last_day !== null && shop.last_day <= shifted(now, -DAYS);
  if (state.follow) state.day = past ? shop.last_day : now;
  if (at("day") !== document.activeElement) at("day").value = state.day;
  at("notice").hidden = !(state.follow && past);
  if (past) show("notice", `Nothing was sold in the last ${DAYS} days: this is ${named(shop.last_day)}, the last day of sales.`);
}

async function look() {
  await chooseDay();
  const search = { text: at("text").value.trim(), department: at("department").value };
  const range = { first: shifted(state.day, 1 - DAYS), last: state.day };
  const parts = await Promise.all([
    ask("GetDashboard", { day: state.day }),
    ask("GetInventory"),
    ask("GetSalesReport", range),
    ask("ListBestSellers", { by: at("best-by").value, limit: 10 }),
    ask("ListDepartments", { limit: 500 }),
    ask("FindProducts", { ...search, in_stock: at("in-stock").checked, limit: state.limit }),
  ]);
  return () => [showBoard, showInventory, showDays, showBest, showDepartments, showProducts]
    .forEach((shows, index) => shows(parts[index]));
}

/** Look at the shop once; of rounds that overlap, only the one begun last is shown. */
async function refresh() {
  const round = ++state.round;
  try {
    const shown = await look();
    if (round !== state.round) return;
    shown();
    tell("live", `Live, at event ${count(state.position ?? 0)}`, "");
    at("main").setAttribute("aria-busy", "false");
  } catch (error) {
    if (round === state.round) tell("failed", "Not up to date", `${error.message} Trying again every two seconds.`);
  }
}

function tell(told, status, problem) {
  at("status").dataset.state = told;
  show("status", status);
  at("problem").hidden = !problem;
  show("problem", problem);
}

let timer;
async function poll() {
  clearTimeout(timer);
  if (!document.hidden) await refresh();
  clearTimeout(timer);
  timer = setTimeout(poll, EVERY);
}

let pause;
function soon() {
  state.limit = PAGE;
  clearTimeout(pause);
  pause = setTimeout(poll, 150);
}

at("search").addEventListener("input", soon);
at("best-by").addEventListener("change", poll);
at("more").addEventListener("click", () => { state.limit = Math.min(state.limit + 40, 500); poll(); });
at("day").addEventListener("change", (event) => {
  if (!event.target.value) return;
  Object.assign(state, { day: event.target.value, follow: false });
  poll();
});
at("today").addEventListener("click", () => {
  Object.assign(state, { day: today(), follow: false });
  at("day").value = state.day;
  poll();
});
for (const id of ["day-form", "search"]) at(id).addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("visibilitychange", poll);
poll();
