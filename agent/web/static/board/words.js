// Every word of the board that the store's page has not, in both languages. `{name}` is filled in.

import { STRINGS } from "../strings.js";

const EN = {
  title: "Board", views: "What to look at", now: "Now", figures: "Figures", print: "Print", search: "Find an order", to_store: "Stock and devices", to_handheld: "Handheld",
  sign_in: "Sign in", sign_out: "Sign out", badge: "Badge (scan or type)", pin: "PIN", enter: "Sign in", not_in: "Sign in to see the board.",
  sign_no_line: "The store's agent does not answer. Try again when it is back.", sign_wrong: "Badge or PIN is wrong.", sign_wait: "Too many tries. Again in {age}.",
  ended: "The session has ended. What you see is from {time}, {age} old. Sign in to go on.", board_lost: "No connection to the store's agent. What you see is from {time}, {age} old. Trying again …",
  role_picker: "picker", role_lead: "lead", role_manager: "manager", wall: "Wall screen: turn the page every {s} s",

  late: "Late", late_none: "Nothing is late.", late_by: "{age} late", late_more: "and {n} more are late",
  open_orders: "Open orders", nobody: "Nobody has it", waiting: "Wait for a picker", at_work: "Pickers at work", ready: "Ready at the counter", cases_open: "Open cases", next_due: "Next one due", on_time_today: "On time today",
  stages: "Orders by stage", more: "{n} more", fewer: "Show fewer", no_orders: "No open orders.", none_found: "No open order matches.",
  state_received: "Not accepted yet", state_accepted: "To be picked", state_picking: "Being picked", state_awaiting_decision: "Customer is asked", state_picked: "To be packed", state_packed: "To its slot", state_staged: "Ready", state_cancel_requested: "Being cancelled", state_return_pending: "Came back", state_handed_over: "Handed over", state_restocked: "Back on the shelf", state_wasted: "Thrown away", state_closed: "Closed", state_rejected: "Rejected", state_cancelled: "Cancelled",
  fulfil_courier: "courier", fulfil_pickup: "pickup", fulfil_ship: "parcel", picked_of: "{done} of {all} picked", in_slot: "in {slot}", waits: "waits {age}", courier_here: "courier here for {age}",
  task_pick: "picks", task_put_back: "puts back", what_order: "Order", what_task: "Task", what_put_back: "Put back", what_case: "Case", what_count: "Count",
  why_received: "waits to be paid or accepted", why_nobody: "nobody has begun", why_left: "its picker left it, nobody has it", why_by: "{name} has it", why_silent: "{name} has it, not heard for {age}", why_awaiting_decision: "the customer has not answered", why_staged: "nobody has fetched it", why_cancel_requested: "its goods are to be put back", why_return_pending: "what came back is to be looked at", why_waiting: "nobody puts it back", why_owner: "for: {owner}",
  people: "Who works on what", people_none: "Nobody has a task.", people_since: "for {age}", people_heard: "heard {age} ago", people_silent: "not heard for {age}", offered: "left, nobody has it", idle: "no task", lines_done: "{done} of {all} lines", give_away: "Give to others", put_back: "To be put back", goods: "{units} pcs",

  order: "Order {short}", order_of: "{order} · {channel} · {fulfil}", promised: "promised in {age}", promised_late: "promised {age} ago", courier_waits: "The courier has been at the door for {age}.", history: "History", lines: "Lines", so_far: "so far",
  line_todo: "to be picked", line_picked: "picked", line_short: "not found", line_substituted: "replaced", line_damaged: "damaged, another is wanted", line_weight_out_of_range: "weight is out of range", line_wrong_place: "elsewhere", instead: "instead of line {line}", grams: "{done} of {qty} g", units: "{done} of {qty}",
  event_: "came", event_accept: "accepted", event_reject: "rejected", event_start: "picking begun", event_ask: "customer asked", event_decide: "customer answered", event_finish: "picked", event_pack: "packed", event_stage: "in its slot", event_hand_over: "handed over", event_close: "closed", event_cancel: "cancelled", event_settle: "settled", event_take_back: "came back", event_restock: "back on the shelf", event_waste: "thrown away", event_again: "to be picked again",
  pick_list: "Pick list (PDF)", bag_labels: "Bag labels (PDF)", courier_came: "Courier is at the door", cancel_order: "Cancel the order", really: "Really cancel order {short}? What is in totes goes back to its shelf.", really_yes: "Yes, cancel it", really_no: "No, keep it", not_done: "Not done: {why}", no_answer: "the store's agent does not answer",
  printing: "Print", printing_words: "On paper, when handhelds are down. What was picked from paper is reported later on any handheld.", print_waiting: "Pick list of all that is to be picked (at most 30 orders)", print_bags: "Bag labels of the orders being picked and packed (at most 30)", print_bags_none: "No order is being picked or packed.", print_page: "This page", open_pdf: "Open {name}", opening: "One moment …",

  of_day_at: "{day}, as of {time}", figures_none: "Today's figures are not reckoned yet.", by_hour: "Orders by hour", by_hour_words: "By the hour in which they were over. Dark, at the foot: late", orders_: "Orders", 
  seconds: "Where an order's seconds go", seconds_words: "Mean of today's {n} orders: {age} until hand-over, or up to now", seconds_none: "No order came today.", seconds_by_hour: "An order's minutes by hour", seconds_by_hour_words: "Minutes of a mean order, by the hour in which it was over", days: "The last days", sheet: "Today's orders (CSV)", numbers: "The numbers", hour: "Hour", day: "Day", count_of: "of {n}",
  funnel: "What became of today's orders", funnel_asked: "Asked for", funnel_accepted: "Accepted", funnel_picked: "Picked", funnel_handed_over: "Handed over", funnel_complete: "{n} complete", funnel_waiting: "{n} under way",
  out_not_enough: "too little of something", out_stopped: "promises were stopped", out_unpaid: "not paid in time", out_hold_expired: "paid too late", out_customer: "cancelled", out_unanswered: "customer did not answer", out_not_found: "nothing was found", out_breach: "promised, not there", out_not_collected: "not fetched",
  skus: "Articles that were not there at once", skus_none: "Every article was there at once.", article_wanted: "Wanted", article_hit: "There at once", article_missed: "Not found", article_hidden: "Elsewhere after all", article_replaced: "Replaced",
  step_accept: "Accept", step_wait: "Wait for a picker", step_pick: "Pick", step_decide: "Ask the customer", step_pack: "Pack", step_counter: "Wait at the counter", step_undo: "Undo", step_after: "Afterwards",
  sku_hours: "of {n} SKU hours", unit_s: "{n} s", unit_min: "{n} min", unit_m: "{n} m", unit_share: "{n} %", group_service: "Service", group_pick: "Picking", group_work: "Work", group_stock: "Stock", group_other: "Other",
};

const ZH = {
  title: "看板", views: "查看内容", now: "现在", figures: "指标", print: "打印", search: "查找订单", to_store: "库存与设备", to_handheld: "手持机",
  sign_in: "登录", sign_out: "退出登录", badge: "工牌（扫码或输入）", pin: "密码", enter: "登录", not_in: "登录后查看看板。",
  sign_no_line: "门店程序没有答复，恢复后再试。", sign_wrong: "工牌或密码不对。", sign_wait: "尝试次数过多，{age}后再试。",
  ended: "登录已失效。显示的是 {time} 的情况，{age}前。请重新登录。", board_lost: "与门店程序失去连接。显示的是 {time} 的情况，{age}前。正在重试…",
  role_picker: "拣货员", role_lead: "主管", role_manager: "经理", wall: "大屏：每 {s} 秒自动翻页",

  late: "超时", late_none: "没有超时。", late_by: "超时 {age}", late_more: "另有 {n} 项超时",
  open_orders: "未完成订单", nobody: "无人处理", waiting: "等待拣货", at_work: "在岗拣货员", ready: "待取", cases_open: "待处理事项", next_due: "最近到期", on_time_today: "今日准时率",
  stages: "各阶段订单", more: "另有 {n} 单", fewer: "收起", no_orders: "没有未完成订单。", none_found: "没有匹配的订单。",
  state_received: "待接单", state_accepted: "待拣", state_picking: "拣货中", state_awaiting_decision: "询问顾客", state_picked: "待打包", state_packed: "待上取货位", state_staged: "待取", state_cancel_requested: "取消中", state_return_pending: "退回", state_handed_over: "已交付", state_restocked: "已回架", state_wasted: "已报废", state_closed: "已完成", state_rejected: "已拒绝", state_cancelled: "已取消",
  fulfil_courier: "骑手", fulfil_pickup: "自提", fulfil_ship: "快递", picked_of: "已拣 {done}/{all}", in_slot: "在 {slot}", waits: "已等 {age}", courier_here: "骑手已等 {age}",
  task_pick: "拣货", task_put_back: "归位", what_order: "订单", what_task: "任务", what_put_back: "归位", what_case: "待处理", what_count: "盘点",
  why_received: "等待付款或接单", why_nobody: "还没有人开始", why_left: "拣货员已离开，无人接手", why_by: "{name} 在处理", why_silent: "{name} 在处理，{age}没有动静", why_awaiting_decision: "顾客还没有答复", why_staged: "还没有人来取", why_cancel_requested: "商品待归位", why_return_pending: "退回商品待检查", why_waiting: "无人归位", why_owner: "负责：{owner}",
  people: "谁在做什么", people_none: "没有进行中的任务。", people_since: "已 {age}", people_heard: "{age}前有动静", people_silent: "{age}没有动静", offered: "已离开，无人接手", idle: "空闲", lines_done: "{all} 行中 {done} 行", give_away: "交给别人", put_back: "待归位", goods: "{units} 件",

  order: "订单 {short}", order_of: "{order} · {channel} · {fulfil}", promised: "承诺还剩 {age}", promised_late: "承诺时间已过 {age}", courier_waits: "骑手已在门口等了 {age}。", history: "经过", lines: "明细", so_far: "（进行中）",
  line_todo: "待拣", line_picked: "已拣", line_short: "找不到", line_substituted: "已替代", line_damaged: "破损，另拿", line_weight_out_of_range: "重量不符", line_wrong_place: "在别处", instead: "替代第 {line} 行", grams: "{done}/{qty} 克", units: "{done}/{qty}",
  event_: "下单", event_accept: "接单", event_reject: "拒绝", event_start: "开始拣货", event_ask: "询问顾客", event_decide: "顾客答复", event_finish: "拣齐", event_pack: "打包完成", event_stage: "上取货位", event_hand_over: "交付", event_close: "完成", event_cancel: "取消", event_settle: "结清", event_take_back: "退回", event_restock: "回架", event_waste: "报废", event_again: "重新拣货",
  pick_list: "拣货单 (PDF)", bag_labels: "袋签 (PDF)", courier_came: "骑手已到店", cancel_order: "取消订单", really: "确定取消订单 {short}？周转箱里的商品将归位。", really_yes: "确定取消", really_no: "不取消", not_done: "未完成：{why}", no_answer: "门店程序没有答复",
  printing: "打印", printing_words: "手持机不能用时改用纸质单。按纸拣的货，以后在任一手持机上补报。", print_waiting: "全部待拣订单的拣货单（最多 30 单）", print_bags: "拣货和打包中订单的袋签（最多 30 单）", print_bags_none: "没有拣货或打包中的订单。", print_page: "本页", open_pdf: "打开 {name}", opening: "请稍候…",

  of_day_at: "{day}，截至 {time}", figures_none: "今日指标尚未算出。", by_hour: "每小时订单", by_hour_words: "按结束小时；底部深色为超时", orders_: "订单", 
  seconds: "一单的时间花在哪里", seconds_words: "今日 {n} 单平均：到交付（或至今）共 {age}", seconds_none: "今天还没有订单。", seconds_by_hour: "每小时每单用时", seconds_by_hour_words: "平均每单的分钟数，按结束小时", days: "最近几天", sheet: "今日订单 (CSV)", numbers: "数据", hour: "小时", day: "日期", count_of: "共 {n}",
  funnel: "今日订单去向", funnel_asked: "下单", funnel_accepted: "接单", funnel_picked: "拣齐", funnel_handed_over: "交付", funnel_complete: "{n} 单不缺货", funnel_waiting: "{n} 单进行中",
  out_not_enough: "库存不足", out_stopped: "暂停接单", out_unpaid: "未按时付款", out_hold_expired: "付款过晚", out_customer: "已取消", out_unanswered: "顾客未答复", out_not_found: "全部找不到", out_breach: "承诺了但没有", out_not_collected: "未取货",
  skus: "没有一次找到的商品", skus_none: "商品都一次找到了。", article_wanted: "需要", article_hit: "一次找到", article_missed: "找不到", article_hidden: "其实在别处", article_replaced: "替代",
  step_accept: "接单", step_wait: "等待拣货", step_pick: "拣货", step_decide: "询问顾客", step_pack: "打包", step_counter: "等待取货", step_undo: "取消与退回", step_after: "交付之后",
  sku_hours: "共 {n} SKU·小时", unit_s: "{n} 秒", unit_min: "{n} 分", unit_m: "{n} 米", unit_share: "{n}%", group_service: "服务", group_pick: "拣货", group_work: "人工", group_stock: "库存", group_other: "其他",
};

// What a figure is called; one that is not here yet goes by its own name.
export const FIGURES = {
  en: {
    orders: "Orders", accepted: "Accepted", handed_over: "Handed over", rejected_rate: "Rejected", cancelled_rate: "Cancelled", oversell_rate: "Promised, not there", perfect_rate: "Perfect", on_time_rate: "On time", severely_late_rate: "Over 30 min late", returned_rate: "Came back", out_of_stock_rate: "Failed for want of stock", record_accuracy: "Counted as the books had it", handed_over_in_30_rate: "Handed over within 30 min", within_5: "Packed within 5 min",
    in_store_s: "Accepted to packed", within_5_of_30: "Within 5 min, of 30 promised", within_10_of_45: "Within 10 min, of 45 promised", within_15_of_60: "Within 15 min, of 60 promised", within_pick_standard: "Picked within the standard",
    first_time_pick_rate: "Found at once", not_found_rate: "Not found", substitution_rate: "Replaced", substitution_kept_rate: "Replacements kept", in_backroom_rate: "Not found, but there", hidden_stock_rate: "There, not on offer", stopped_stock_rate: "… as the store was stopped", heard_within_2_s: "Known at HQ within 2 s", heard_p50_ms: "Half known at HQ within", heard_p99_ms: "99 % known at HQ within", pick_s_per_line: "Picking, each line", lines_per_hour: "Lines an hour", units_per_hour: "Units an hour",
    walking_m: "Walking, each order", labour_s: "Work, each order", labour_cost: "Cost of work, each order",
  },
  zh: {
    orders: "订单", accepted: "接单", handed_over: "已交付", rejected_rate: "拒单率", cancelled_rate: "取消率", oversell_rate: "超卖率", perfect_rate: "完美订单率", on_time_rate: "准时率", severely_late_rate: "超时 30 分钟以上", returned_rate: "退回率", out_of_stock_rate: "因缺货未成", record_accuracy: "盘点相符率", handed_over_in_30_rate: "30 分钟内交付", within_5: "5 分钟内出货",
    in_store_s: "接单到打包", within_5_of_30: "30 分钟达：5 分钟内出货", within_10_of_45: "45 分钟达：10 分钟内出货", within_15_of_60: "60 分钟达：15 分钟内出货", within_pick_standard: "拣货达标率",
    first_time_pick_rate: "一次找到", not_found_rate: "找不到", substitution_rate: "替代率", substitution_kept_rate: "替代被接受", in_backroom_rate: "找不到但有货", hidden_stock_rate: "有货但不可订", stopped_stock_rate: "其中因全店暂停", heard_within_2_s: "总部 2 秒内获知", heard_p50_ms: "一半变动：总部获知用时", heard_p99_ms: "99% 变动：总部获知用时", pick_s_per_line: "每行拣货", lines_per_hour: "每小时行数", units_per_hour: "每小时件数",
    walking_m: "每单步行", labour_s: "每单人工", labour_cost: "每单人工成本",
  },
};

/** Of each language the store's words, and the board's before them. */
export const WORDS = { en: { ...STRINGS.en, ...EN }, zh: { ...STRINGS.zh, ...ZH } };
export const OWN = { en: EN, zh: ZH };
export const ROLES = {
  en: { picker: "picker", customer: "customer", counter: "counter", store_lead: "store lead", manager: "manager" },
  zh: { picker: "拣货员", customer: "顾客", counter: "交付台", store_lead: "店长", manager: "经理" },
};
