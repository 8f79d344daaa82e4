// Every word of the page, in both languages. `{name}` is filled in by `say`.

import { DEVICE_WORDS } from "./device_words.js";

export const STRINGS = {
  en: {
    ...DEVICE_WORDS.en.strings,
    other_language: "中文", other_code: "zh",
    store: "Store", to_board: "Orders", jump: "On this page", loading: "Loading …",
    updated: "Updated {age} ago", updated_now: "Up to date",
    lost: "Connection to the store's agent lost since {time}. What you see is from then. Trying again …",
    said_lost: "Connection lost.", said_back: "Connection is back.",

    line: "Line to HQ", line_heard: "HQ has heard", line_heard_of: "{heard} of {head}",
    line_waiting: "Waiting to be heard", line_waiting_since: "{waiting}, oldest {age}", line_answered: "Last answer from HQ",
    line_here: "Connected", line_connecting: "Connecting …", line_silent: "Connected, HQ is not answering",
    line_here_meaning: "HQ knows what this store knows.",
    line_behind_meaning: "HQ is catching up.",
    line_cut_meaning: "Scans, sales and tags are still booked here. Nothing is lost; HQ gets it when the line is back.",
    ago: "{age} ago", never: "never",

    promising: "Promises", promising_on: "Open for orders", promising_paused: "Paused", promising_stale: "Closed to HQ's orders",
    promising_on_meaning: "Channels may be promised what is free.",
    promising_paused_meaning: "No channel is promised anything. The tills go on.",
    promising_stale_meaning: "HQ has not been heard for too long; what is sold in the store itself goes on.",
    pause: "Pause promises", resume: "Let promises go on", cancel: "Cancel",
    stopped_paused: "Nothing is promised from this store since {time}.", stopped_by: "{by}: {why}",
    stopped_stale: "HQ has not been heard: since {time} nothing is promised to its channels.",
    pausing_meaning: "No channel is promised anything until somebody lets it go on. Holds that stand and the tills are not touched.",
    resuming_meaning: "Channels may again be promised what is free.",
    pausing_why: "Why?", pausing_by: "Your name or badge", pausing_missing: "Both are needed.", pausing_trouble: "Not done: {why}",

    cases: "Needs attention", cases_none: "Nothing needs attention.",
    cases_more: "and {more} more, due later",
    case_due: "due in {age}", case_late: "overdue by {age}", case_times: "seen {times} times", case_owner: "for: {owner}", case_since: "since {time}",
    todo: "What to do: {text}",
    case_by: "Your badge or name", case_word: "What was done", case_done: "Mark as done",
    case_not_done: "Not marked as done: {why}",
    degraded: "The books were damaged and go on from a copy since {time}. Sales, deliveries and holds go on. Stock may be wrong until it is counted: the case “{case}” says what to look at. Mark it as done when it is.",

    counting: "To be counted", count_more: "and {more} more", count_by: "counted by {names}", count_assigned: "assigned to {name}",
    count_settled: "{settled} of {all} items settled", count_requested: "waits for somebody", count_counting: "is being counted",
    count_recount: "recount by another", count_review: "a manager decides",
    count_why_cycle: "cycle count", count_why_short_pick: "a picker did not find it", count_why_negative_stock: "stock is below zero",
    count_why_case: "because of a case", count_why_sent: "a count could not be booked",
    place_FLOOR: "Floor", place_BACKROOM: "Backroom", place_QUARANTINE: "Quarantine", place_DISPLAY: "Display", place_SUSPECT: "Not found where it belongs",

    scanning: "Scanner at this device", scanning_does: "A scan here", scanning_find: "finds the article", scanning_receive: "receives a unit", scanning_shelve: "moves a unit to the floor",
    scanned_waiting: "Sending …", scanned_taken: "Scanned", scanned_refused: "Refused",
    scanner_layout_set: "The scanner's keyboard is known now.", scanner_layout: "This scanner's keyboard is set to a country that is not known here: set it to US.",
    scanner_long: "A scan without an end was left out. Have the scanner send Enter after each code.", scanner_ime: "An input method takes the scanner's keys. Switch it to Latin letters.",

    devices: "Devices", devices_none: "No devices are configured.", devices_up: "{up} of {all} working",
    device_up: "Working", device_starting: "Starting", device_down: "Not reachable", device_refused: "Needs a person",
    device_sign: "Last sign of life", device_reconnects: "Times lost", device_lost: "Lost last", device_retry_in: "Tried {tries} times, again in {age}.", device_retry_now: "Tried {tries} times, being tried again.",
    device_since: "Since", device_now: "{rate} per second, last {ago}", device_readings: "Readings", device_about: "It says", device_dropped: "Not understood", device_booked: "Scans answered", device_refusals: "Scans refused",

    stock: "Stock", stock_caption: "Stock by article: units on the floor, in the backroom and on hand",
    stock_count: "{units} units of {skus} articles", stock_filtered: "{shown} of {skus} articles",
    stock_empty: "The catalogue is empty.", stock_nothing: "No article matches.",
    stock_cut: "The first {rows} are shown. Search for the others.",
    filter: "Find SKU, name or GTIN", article: "Article", floor: "Floor", backroom: "Backroom", on_hand: "On hand",
    tagged: "RFID", below_zero: "below zero", elsewhere: "{units} elsewhere",
    close: "Close", why_open: "Why may so many be promised?", why_caption: "What may be promised in each channel, term by term",
    why_any: "any other", why_sellable: "Floor and backroom", why_promised: "held and promised", why_granted: "rights given away",
    why_uncertain: "not sure to be there", why_safety: "safety stock", why_quota: "left of the quota", why_stopped: "stopped",
    why_atp: "May be promised", why_seen: "last seen {ago}", why_places: "Where the units are", why_claims: "Who has a claim", why_pulled: "pulled for orders",
    why_trouble: "The agent does not answer. Trying again …", claims_none: "Nobody has a claim.", claims_more: "and {more} more claims",
    claim_order: "for order {order}", claim_left: "for another {age}",
    unit_each: "counted in pieces", unit_gram: "counted in grams", sold_instant: "sold at once", sold_prepare: "sold after preparation",
    sold_order_in: "ordered in", sold_display_only: "for display only",
    record_sure: "record is sure", record_fair: "record is fair", record_unsure: "record is unsure",
    more: "More figures", version: "Version", started: "Started", epoch: "Epoch", head: "Entries in the books", bystanders: "Heard, and no stock",
  },
  zh: {
    ...DEVICE_WORDS.zh.strings,
    other_language: "English", other_code: "en",
    store: "门店", to_board: "订单看板", jump: "本页内容", loading: "正在加载…",
    updated: "{age}前更新", updated_now: "已是最新",
    lost: "{time} 起与门店程序失去连接，页面显示的是当时的数据。正在重试…",
    said_lost: "连接已断开。", said_back: "连接已恢复。",

    line: "总部线路", line_heard: "总部已确认", line_heard_of: "{heard} / {head}",
    line_waiting: "等待确认", line_waiting_since: "{waiting} 条，最早 {age}前", line_answered: "总部最近答复",
    line_here: "已连接", line_connecting: "正在连接…", line_silent: "已连接，总部无答复",
    line_here_meaning: "总部与门店数据一致。",
    line_behind_meaning: "总部正在追赶。",
    line_cut_meaning: "扫码、销售和标签照常入账，不会丢失；线路恢复后自动补发给总部。",
    ago: "{age}前", never: "从未",

    promising: "接单", promising_on: "正常接单", promising_paused: "已暂停", promising_stale: "不接总部订单",
    promising_on_meaning: "各渠道可承诺未占用的库存。",
    promising_paused_meaning: "不向任何渠道承诺库存，收银照常。",
    promising_stale_meaning: "与总部失联过久；本店自售渠道照常。",
    pause: "暂停接单", resume: "恢复接单", cancel: "取消",
    stopped_paused: "本店自 {time} 起暂停接单。", stopped_by: "{by}：{why}",
    stopped_stale: "与总部失联：自 {time} 起不再向总部渠道承诺库存。",
    pausing_meaning: "在恢复之前不向任何渠道承诺库存；已有的预留和收银不受影响。",
    resuming_meaning: "各渠道又可承诺未占用的库存。",
    pausing_why: "原因", pausing_by: "您的姓名或工牌号", pausing_missing: "两项都要填写。", pausing_trouble: "未完成：{why}",

    cases: "待处理", cases_none: "没有待处理事项。",
    cases_more: "另有 {more} 项，时限较晚",
    case_due: "剩余 {age}", case_late: "已超时 {age}", case_times: "出现 {times} 次", case_owner: "负责：{owner}", case_since: "{time} 起",
    todo: "处理办法：{text}",
    case_by: "您的工牌或姓名", case_word: "处理结果", case_done: "标为已处理",
    case_not_done: "未能标为已处理：{why}",
    degraded: "账簿曾损坏，自 {time} 起以备份继续营业。销售、到货和预留照常进行；清点之前库存可能有误。需核对的内容见待处理事项“{case}”，完成后请将其标为已处理。",

    counting: "待盘点", count_more: "等另 {more} 种", count_by: "{names} 正在清点", count_assigned: "指派给 {name}",
    count_settled: "{all} 种中已完成 {settled} 种", count_requested: "等待盘点", count_counting: "盘点中",
    count_recount: "需另一人复盘", count_review: "等待经理裁定",
    count_why_cycle: "循环盘点", count_why_short_pick: "拣货缺货", count_why_negative_stock: "库存为负",
    count_why_case: "因待处理事项", count_why_sent: "盘点结果未能入账",
    place_FLOOR: "卖场", place_BACKROOM: "后仓", place_QUARANTINE: "隔离区", place_DISPLAY: "陈列", place_SUSPECT: "存疑区",

    scanning: "本机扫码枪", scanning_does: "在此扫码", scanning_find: "查找商品", scanning_receive: "收货一件", scanning_shelve: "移一件到卖场",
    scanned_waiting: "正在发送…", scanned_taken: "已扫码", scanned_refused: "已拒绝",
    scanner_layout_set: "已识别扫码枪的键盘设置。", scanner_layout: "无法识别扫码枪的键盘国家设置：请将其设为美式键盘 (US)。",
    scanner_long: "一次没有结尾的扫码已忽略。请将扫码枪设为每码后发送回车。", scanner_ime: "输入法截取了扫码枪的按键。请切换到英文输入。",

    devices: "设备", devices_none: "尚未配置设备。", devices_up: "{all} 台中 {up} 台正常",
    device_up: "正常", device_starting: "启动中", device_down: "无法连接", device_refused: "需要人工处理",
    device_sign: "最近信号", device_reconnects: "掉线次数", device_lost: "上次掉线", device_retry_in: "已尝试 {tries} 次，{age}后重试。", device_retry_now: "已尝试 {tries} 次，正在重试。",
    device_since: "状态开始", device_now: "每秒 {rate}，最近 {ago}", device_readings: "读取次数", device_about: "设备信息", device_dropped: "无法识别", device_booked: "已答复扫码", device_refusals: "被拒扫码",

    stock: "库存", stock_caption: "各商品库存：卖场、后仓与在店合计",
    stock_count: "{skus} 种商品，共 {units} 件", stock_filtered: "{skus} 种中显示 {shown} 种",
    stock_empty: "商品目录为空。", stock_nothing: "没有匹配的商品。", stock_cut: "仅显示前 {rows} 种，其余请搜索。",
    filter: "查找 SKU、名称或 GTIN", article: "商品", floor: "卖场", backroom: "后仓", on_hand: "在店合计",
    tagged: "RFID", below_zero: "负库存", elsewhere: "另有 {units} 件",
    close: "关闭", why_open: "为什么可承诺这么多？", why_caption: "各渠道可承诺量的逐项计算",
    why_any: "其他渠道", why_sellable: "卖场与后仓", why_promised: "已预留和已承诺", why_granted: "已分配配额",
    why_uncertain: "存疑", why_safety: "安全库存", why_quota: "配额余量", why_stopped: "暂停原因",
    why_atp: "可承诺量", why_seen: "最近一次见到：{ago}", why_places: "商品所在", why_claims: "谁占用了库存", why_pulled: "已拣出待交付",
    why_trouble: "门店程序没有答复，正在重试…", claims_none: "没有占用。", claims_more: "另有 {more} 项占用",
    claim_order: "订单 {order}", claim_left: "剩余 {age}",
    unit_each: "按件计", unit_gram: "按克计", sold_instant: "即时可售", sold_prepare: "需备货",
    sold_order_in: "需订货", sold_display_only: "仅供陈列",
    record_sure: "账面可信", record_fair: "账面较可信", record_unsure: "账面存疑",
    more: "更多数据", version: "版本", started: "启动时间", epoch: "纪元", head: "账目条数", bystanders: "读到的非库存标签",
  },
};

// What a kind of case is called, and in Chinese what a person does about it; in English the agent's own hint says that.
export const CASES = {
  en: {
    alien_tag: "RFID tag of no delivery",
    unencoded_tag: "RFID tag without an article number",
    sold_tag_seen: "Sold article seen again",
    missing_tag: "Tagged unit is missing",
    zone_silent: "Many tags fell silent at once",
    unpaid_at_exit: "Unpaid article at the exit",
    unknown_barcode: "Unknown barcode",
    negative_stock: "Stock is below zero",
    refused_sale: "Sale that cannot be booked",
    late_order: "Order waits too long",
    recount: "To be counted again",
    breach: "More is promised than is there",
    waste_or_markdown: "Damaged or expired goods",
    price_rule: "Price of a substitute",
    price_difference: "Weighs other than ordered",
    wrong_price: "Wrong price at the shelf",
    put_back: "To be put back",
    forged_command: "Commands HQ did not send",
    pin_guessing: "Somebody guesses PINs",
    people_shut_out: "People cannot sign in",
    clock_wrong: "The clock is wrong",
    certificate_ends: "The certificate is about to end",
    books_restored: "Books restored from a copy",
    disk_full: "The disk is full",
    backup_failed: "No copy of the books today",
    books_wrong: "The books are not what was entered",
    paused: "Promises are paused",
  },
  zh: {
    alien_tag: "未登记到货的 RFID 标签",
    unencoded_tag: "没有商品编码的 RFID 标签",
    sold_tag_seen: "已售商品再次出现",
    missing_tag: "带标签商品失踪",
    zone_silent: "大量标签同时失联",
    unpaid_at_exit: "未付款商品到达出口",
    unknown_barcode: "未知条码",
    negative_stock: "库存为负",
    refused_sale: "无法入账的销售",
    late_order: "订单等待过久",
    recount: "需要复盘",
    breach: "承诺量超过库存",
    waste_or_markdown: "破损或过期商品",
    price_rule: "替代商品定价",
    price_difference: "称重与订单不符",
    wrong_price: "货架价签有误",
    put_back: "待回架商品",
    forged_command: "收到并非总部发出的指令",
    pin_guessing: "有人在猜测密码",
    people_shut_out: "员工无法登录",
    clock_wrong: "时钟不准",
    certificate_ends: "证书即将到期",
    books_restored: "账簿已从备份恢复",
    disk_full: "磁盘已满",
    backup_failed: "今日账簿备份失败",
    books_wrong: "账簿内容与入账不符",
    paused: "已暂停接单",
  },
};

export const HINTS = {
  en: {},
  zh: {
    alien_tag: "该标签不属于任何到货单。请找到商品，补录到货单或将其移走。",
    unencoded_tag: "标签没有写入商品信息（空白或外来）。请重新写码，或从商品上取下。",
    sold_tag_seen: "已售标签仍被读到或被再次售出：可能是退货，也可能商品未被带走，请核实。",
    missing_tag: "该商品未售出却长时间读不到，已记为盘亏。请寻找；再次读到后会自动恢复入账。",
    zone_silent: "同一区域大量标签同时读不到：天线故障、被遮挡，或商品被搬走。未做任何核销。请先检查读写器，再查看商品。",
    unpaid_at_exit: "出口处读到尚未售出的商品。请查看是谁带出。",
    unknown_barcode: "请将该 GTIN 加入商品目录，让门店程序重新载入，然后重新扫码。",
    negative_stock: "售出数量超过账面。请清点该商品；很可能漏录了一次到货。",
    refused_sale: "请更正所列问题（多为商品目录缺少 GTIN），再重新发送同一小票；目前尚未入账。",
    late_order: "订单在这一步停留过久。请看该由谁处理，并协助完成。",
    recount: "盘点结果暂不能入账，请由另一人在原处再次清点该商品。",
    breach: "已承诺的数量超过现有库存。请将所列订单改由其他门店履约，或提供替代商品。",
    waste_or_markdown: "破损或过期商品在隔离区。请报损或降价处理。",
    price_rule: "顾客将收到替代商品。请在交付前按定价规则确定收费。",
    price_difference: "实际重量与订单不符。请按实际称重收费；如尚未取货，请重新称重。",
    wrong_price: "货架价签与收银价格不一致。请更正价签或价格。",
    put_back: "已拣出的商品不再需要。请将所列商品放回原处并扫码。",
    forged_command: "有人冒充总部发送指令；这些指令未被执行。请通知负责消息服务器的人员。",
    pin_guessing: "有人反复输入错误密码。请查明是谁；如工牌丢失，请为该员工更换工牌。",
    people_shut_out: "员工无法登录：其工牌和密码所用的密钥不在本机。请找回该密钥，或重新设置工牌和密码（nearshelf-agent people change）。",
    clock_wrong: "本机时钟落后。请校准时间，或让其连上时间服务器。在此之前入账的记录时间不准，但不会丢失，也不会提前失效。",
    certificate_ends: "本店的证书（连接总部的，或手持机页面的）即将到期或已到期。请由总部签发新证书并复制到本机；无需重启。",
    books_restored: "账簿损坏，已用备份继续营业。请清点备份之后售出或到货的商品，并检查磁盘。",
    disk_full: "磁盘没有空间，很快将无法销售和收货。请清理不需要的文件。",
    backup_failed: "今天的账簿备份没有完成。请检查磁盘和日志。",
    books_wrong: "账簿中有内容与入账时不同。请检查磁盘和日志，并重新启动门店程序：启动时发现的损坏会用最新备份修复。",
    paused: "本店不再承诺任何库存。原因消除后请尽快恢复接单。",
  },
};

// What is wrong with a device (drivers/errors.py has them), and what to do.
export const TROUBLES = { en: DEVICE_WORDS.en.troubles, zh: DEVICE_WORDS.zh.troubles };
export const TROUBLE_HINTS = { en: DEVICE_WORDS.en.hints, zh: DEVICE_WORDS.zh.hints };
export const SENTENCES = { en: patterns(DEVICE_WORDS.en.sentences), zh: patterns(DEVICE_WORDS.zh.sentences) };

/** Of drivers' sentences in which {0}, {1} … are filled in, what finds them; those with more words of their own first. */
function patterns(sentences) {
  const own = (said) => said.replace(/\{\d\}/g, "").length;
  const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return Object.entries(sentences).sort(([one], [other]) => own(other) - own(one))
    .map(([said, words]) => [new RegExp(`^${said.split(/\{\d\}/).map(escaped).join("(.+?)")}$`, "s"), words]);
}

/** A driver's sentence in the language of `patterns`, and what is filled in there too; `said` itself if there is none. */
export function ofDriver(patterns, said) {
  for (const [pattern, words] of patterns) {
    const found = said.match(pattern);
    if (found) return words.replace(/\{(\d)\}/g, (_, nth) => ofDriver(patterns, found[Number(nth) + 1]));
  }
  const at = said.indexOf(": ");
  if (at < 0) return said;
  const parts = [said.slice(0, at), said.slice(at + 2)];
  const told = parts.map((part) => ofDriver(patterns, part));
  return told.some((part, nth) => part !== parts[nth]) ? told.join("：") : said;
}

// Why nothing may be promised, in Chinese; in English the agent's own words say it.
export const STOPPED = {
  en: {},
  zh: {
    "the store is paused": "门店已暂停接单",
    "HQ has not been heard for too long": "与总部失联过久",
    "the SKU is retired": "商品已停售",
    "the SKU is order in": "需订货",
    "the SKU is display only": "仅供陈列",
  },
};

// Who a case belongs to.
export const OWNERS = { en: { store_lead: "store lead", manager: "manager" }, zh: { store_lead: "店长", manager: "经理" } };
