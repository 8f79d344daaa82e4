// Every word of the page, in both languages.

const STRINGS = {
  en: {
    language: "中文", loading: "Loading…", live: "Live", lost: "HQ does not answer. What you see is from {age} ago; trying again.",
    stores_here: "Stores here", units_chain: "Units on hand", units: "On hand", rows: "Rows heard", rows_behind: "Rows still on their way", slowest: "Slowest store, p99", need_a_look: "Need a look",
    stores: "Stores", stores_caption: "All stores: what they have, how far behind they are and what is wrong",
    stores_none: "No store has been heard yet. Start a store's agent with this chain and broker.",
    store: "Store", state: "State", behind: "Rows behind", last_row: "Last change", lag: "Event to HQ, p50 · p99", cases: "Open cases", books: "Books",
    here: "Here", away: "Away", unknown: "Not heard yet", same: "Same as the store's", differs: "Differ from the store's", uncompared: "Not compared yet",
    search_title: "Find stock across the chain", sku: "SKU", sku_hint: "SKU, for example TEA-100", search: "Search",
    found: "{sku}: {count} in {stores} stores, {atp} can be promised", found_one: "{sku}: {count} in 1 store, {atp} can be promised", can_promise: "{atp} can be promised, {held} held", not_found: "No store has had {sku}.", as_of: "last change {age} ago",
    as_of_away: "store away; stock as of {age} ago", stock_of: "Stock of {store}", stock_caption: "Stock by SKU and place", on_hand: "On hand", held: "Held", atp: "Can be promised", places: "Where",
    filter: "Filter SKUs", close: "Close", stock_none: "This store has no stock yet.", filter_none: "No SKU matches.",
    current: "Current: the store is here and nothing is on its way. Last change {age} ago.",
    behind_text: "{count} rows are still on their way. Last change heard {age} ago.",
    away_text: "The store is away. This is what was true {age} ago.", unheard_text: "The store has not spoken since HQ reached the broker. This is what was true {age} ago.",
    nothing_yet: "Nothing has landed yet.", more: "The line", broker: "Broker", broker_here: "connected", broker_connecting: "connecting",
    landed: "Rows landed since start", repeated: "Rows said again", refused: "Messages of older books", dropped: "Messages dropped (asked for again)", unreadable: "Messages nobody could read", strangers: "Messages of strangers",
    broker_lost: "HQ's line to the broker is down: {why}", need_said: "{count} stores need a look", ago: "{age} ago", never: "never",
    lag_title: "From event to HQ, last half hour", lag_chart: "From event to HQ, the last {minutes} minutes: half within {p50}, 99 % within {p99}; at worst {worst}.",
    lag_none: "Nothing has landed in the last half hour.", lag_soon: "The picture begins once HQ has run for 20 seconds.", half: "half of the rows", most_rows: "99 % of the rows", minutes_ago: "{minutes} min ago", now: "now",
    stores_all: "{shown} of {count} stores, the worst first: show all", found_rest: "And {stores} more stores with fewer.",
    in_trouble: "Needs a look", is_behind: "Catching up", begins: "SKUs that begin so: {count}", begins_more: "SKUs that begin so: {count} and more", more_matches: "More SKUs", tile: "{store}: {state}", as_of_all: "Oldest part: {age} ago. ", behind_all: "{count} rows still on their way.",
    trouble_epoch: "The store speaks of books HQ has already replaced. Was an old disk or backup put back?",
    trouble_snapshot: "HQ lacks the beginning of this store's books and cannot follow yet.",
    trouble_behind_us: "HQ knows more than the store. Was an old backup restored there?",
    trouble_unreadable: "A message of this store could not be read. It is kept under /v1/quarantine.",
    trouble_digest: "HQ's stock is not the store's. Do not promise goods on it.",
    trouble_certificate: "Issue a new certificate (nearshelf-hq certs renew) and copy it to the store, or it loses its line.",
    trouble_clock: "The store's clock is wrong: times it tells are, order and stock are not. Have it set.",
    certificate_hq: "HQ's certificate ends", certificate_broker: "The broker's certificate ends",
    days_title: "Days of the chain", days_none: "No store has told of a day yet: each does when its day is over.", days_span: "{first} to {last}; the last day stands out.", days_range: "{least} to {most}", days_numbers: "The numbers of each day", days_sheet: "As a sheet (CSV)", days_stores: "{figure}, {day}: each store, the worst first", day: "Day", metres: "{n} m",
    figure_handed_over: "Orders handed over", figure_on_time_rate: "On time", figure_within_5_of_30: "Packed in 5 min, of 30 promised", figure_within_10_of_45: "Packed in 10 min, of 45 promised", figure_within_15_of_60: "Packed in 15 min, of 60 promised", figure_perfect_rate: "Perfect orders", figure_first_time_pick_rate: "Lines found at once", figure_not_found_rate: "Lines not found",
    figure_oversell_rate: "Promised, not there", figure_out_of_stock_rate: "Failed for want of stock", figure_hidden_stock_rate: "There, not on offer", figure_heard_p99_ms: "99 % of changes at HQ within", figure_walking_m: "Walking, each order", figure_labour_cost: "Cost of work, each order",
    FLOOR: "Floor", BACKROOM: "Backroom", QUARANTINE: "Quarantine", DISPLAY: "Display", SUSPECT: "To be checked",
  },
  zh: {
    language: "English", loading: "加载中…", live: "实时", lost: "总部没有应答。显示的是 {age}前的数据，正在重试。",
    stores_here: "在线门店", units_chain: "在库总数", units: "在库", rows: "已收记录", rows_behind: "在途记录", slowest: "最慢门店 p99", need_a_look: "需要关注",
    stores: "门店", stores_caption: "所有门店：在库多少、落后多少、有什么问题",
    stores_none: "还没有收到任何门店的消息。请用同一连锁名和代理地址启动门店程序。",
    store: "门店", state: "状态", behind: "落后记录", last_row: "最近变动", lag: "到总部 p50 · p99", cases: "待处理事项", books: "账目",
    here: "在线", away: "离线", unknown: "尚无消息", same: "与门店一致", differs: "不一致", uncompared: "尚未核对",
    search_title: "全连锁查库存", sku: "SKU", sku_hint: "SKU，例如 TEA-100", search: "查询",
    found: "{sku}：{stores} 家门店共 {count}，可承诺 {atp}", found_one: "{sku}：1 家门店共 {count}，可承诺 {atp}", can_promise: "可承诺 {atp}，已预留 {held}", not_found: "没有门店有过 {sku}。", as_of: "最近变动 {age}前",
    as_of_away: "门店离线；库存为 {age}前", stock_of: "{store} 的库存", stock_caption: "按 SKU 和位置的库存", on_hand: "在库", held: "已预留", atp: "可承诺", places: "位置",
    filter: "筛选 SKU", close: "关闭", stock_none: "该门店还没有库存。", filter_none: "没有匹配的 SKU。",
    current: "最新：门店在线，没有在途记录。最近变动 {age}前。",
    behind_text: "还有 {count} 条记录在途。最近收到的变动 {age}前。",
    away_text: "门店离线。这是 {age}前的数据。", unheard_text: "总部连上代理后门店尚未说话。这是 {age}前的数据。",
    nothing_yet: "还没有任何记录。", more: "线路", broker: "代理", broker_here: "已连接", broker_connecting: "连接中",
    landed: "启动以来入账记录", repeated: "重复收到的记录", refused: "旧账册的消息", dropped: "丢弃的消息（会重新索取）", unreadable: "无法读取的消息", strangers: "陌生来源的消息",
    broker_lost: "总部到代理的线路中断：{why}", need_said: "{count} 家门店需要关注", ago: "{age}前", never: "从未",
    lag_title: "事件到总部，最近半小时", lag_chart: "事件到总部，最近 {minutes} 分钟：一半在 {p50} 内，99% 在 {p99} 内；最慢 {worst}。",
    lag_none: "最近半小时没有记录。", lag_soon: "总部运行 20 秒后开始显示图形。", half: "一半记录", most_rows: "99% 记录", minutes_ago: "{minutes} 分钟前", now: "现在",
    stores_all: "共 {count} 家门店，最需关注的 {shown} 家在前：显示全部", found_rest: "另有 {stores} 家门店数量更少。",
    in_trouble: "需要关注", is_behind: "正在追赶", begins: "以此开头的 SKU：{count} 个", begins_more: "以此开头的 SKU：{count} 个以上", more_matches: "更多 SKU", tile: "{store}：{state}", as_of_all: "最旧部分：{age}前。", behind_all: "还有 {count} 条记录在途。",
    trouble_epoch: "门店使用的账本已被总部替换。是否放回了旧磁盘或旧备份？",
    trouble_snapshot: "总部缺少该门店账目的开头，暂时无法跟上。",
    trouble_behind_us: "总部的记录比门店多。门店是否恢复了旧备份？",
    trouble_unreadable: "该门店有一条消息无法读取，已保留在 /v1/quarantine。",
    trouble_digest: "总部库存与门店不一致，请勿据此承诺货品。",
    trouble_certificate: "请签发新证书（nearshelf-hq certs renew）并复制到门店，否则门店将断线。",
    trouble_clock: "门店时钟不准：其时间有误，顺序和库存无误。请校准。",
    certificate_hq: "总部证书到期", certificate_broker: "代理证书到期",
    days_title: "全连锁每日", days_none: "还没有门店报告过完整的一天：一天结束后才会报告。", days_span: "{first} 至 {last}；最后一天突出显示。", days_range: "{least} 至 {most}", days_numbers: "每日数字", days_sheet: "下载表格（CSV）", days_stores: "{day} 各店「{figure}」，最差的在前", day: "日期", metres: "{n} 米",
    figure_handed_over: "已交付订单", figure_on_time_rate: "准时率", figure_within_5_of_30: "30 分钟达：5 分钟内打包", figure_within_10_of_45: "45 分钟达：10 分钟内打包", figure_within_15_of_60: "60 分钟达：15 分钟内打包", figure_perfect_rate: "完美订单率", figure_first_time_pick_rate: "一次找到的行", figure_not_found_rate: "找不到的行",
    figure_oversell_rate: "超卖率", figure_out_of_stock_rate: "因缺货未成", figure_hidden_stock_rate: "有货但不可订", figure_heard_p99_ms: "99% 变动到总部用时", figure_walking_m: "每单步行", figure_labour_cost: "每单人工成本",
    FLOOR: "卖场", BACKROOM: "后仓", QUARANTINE: "隔离", DISPLAY: "陈列", SUSPECT: "待查",
  },
};

const UNITS = { en: ["ms", "s", "min", "h", "d"], zh: ["ms", "秒", "分钟", "小时", "天"] };

const asked = new URLSearchParams(location.search).get("lang");
let language = asked === "zh" || asked === "en" ? asked : navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";

export function currentLanguage() { return language; }

export function switchLanguage() { language = language === "en" ? "zh" : "en"; }

/** A text with its {blanks} filled; an unknown key is its own text (places have names of the shop's choosing). */
export function t(key, blanks = {}) {
  const text = STRINGS[language][key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => String(blanks[name] ?? ""));
}

export function number(value) { return value.toLocaleString(language === "zh" ? "zh-CN" : "en"); }

/** A duration in one unit, as people say it. */
export function duration(ms) {
  const [milli, second, minute, hour, day] = UNITS[language];
  const late = Math.max(0, ms);
  if (late < 60_000) return `${Math.floor(late / 1000)} ${second}`;
  if (late < 3_600_000) return `${Math.floor(late / 60_000)} ${minute}`;
  if (late < 172_800_000) return `${Math.floor(late / 3_600_000)} ${hour}`;
  return `${Math.floor(late / 86_400_000)} ${day}`;
}

/** A lag: milliseconds as long as they can be read. */
export function lag(ms) {
  if (ms === null || ms === undefined) return "–";
  return Math.abs(ms) < 10_000 ? `${number(ms)} ${UNITS[language][0]}` : duration(ms);
}

/** Two lags, with one unit where one will do. */
export function lags(p50, p99) {
  const short = p50 !== null && p99 !== null && Math.abs(p50) < 10_000 && Math.abs(p99) < 10_000;
  return short ? `${number(p50)} · ${lag(p99)}` : p50 === null ? "–" : `${lag(p50)} · ${lag(p99)}`;
}
