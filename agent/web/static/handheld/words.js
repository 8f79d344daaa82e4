// Every word of the page, in both languages: short, read in a hurry. `{name}` is filled in.

export const WORDS = {
  en: {
    sink: "Scans arrive here", more: "More", understood: "OK", back: "Back", none: "–", yes: "Yes", loading: "One moment …",
    sign_in: "Sign in", scan_badge: "Scan your badge", badge_is: "Badge {badge}", pin: "Then your PIN", type_badge: "Type the badge", enter: "OK", erase: "⌫",
    sign_wrong: "Badge or PIN is wrong.", sign_wait: "Too many tries. Again in {age}.", sign_no_line: "No Wi-Fi: signing in needs it.",

    gap: "No Wi-Fi for {age}. Go on working.", gap_waiting: "No Wi-Fi for {age}. Go on working: {n} reports wait here and are sent later.", gap_waiting_one: "No Wi-Fi for {age}. Go on working: 1 report waits here and is sent later.",
    gap_needs: "This needs Wi-Fi. Try again when it is back.", sending: "{n} still to be sent", nothing_kept: "This browser keeps nothing: do not close the page while reports wait.",
    back_now: "Wi-Fi is back.", late: "late", due: "due in {age}", sign_again: "Sign in again: {n} reports wait to be sent.",

    next_job: "Next job", nothing: "No order waits.", nothing_words: "The next one appears here by itself.", start: "Start", go_on: "Go on", go_on_here: "Go on here",
    orders: "{n} orders", order_one: "Order {short}", offer_what: "{lines} lines, {units} pieces · due in {age}", offer_late: "{lines} lines, {units} pieces · late by {age}",
    also_waiting: "{n} more wait", put_back_job: "Put back {n}", put_back_words: "Goods of cancelled orders go back to their shelves.", put_back_start: "Put back",
    count_job: "Count", count_jobs: "{n} counts are asked for.", count_start: "Count now", task_elsewhere: "You have a task on another handheld.", all_done_gap: "Done here. It is sent when Wi-Fi is back.",
    reason_late: "It is late", reason_least_slack: "Least time left", reason_courier: "The courier is at the door", reason_cold: "Chilled goods first", reason_starving: "It has waited longest", reason_left: "Somebody left it: go on with it", reason_put_back: "Goods go back to their shelves",

    aisle: "aisle {aisle}", side_L: "left", side_R: "right", bay: "bay {bay}", level: "level {level}", no_spot: "Place not known", other_place: "Look here too",
    floor: "Floor", backroom: "Backroom", pieces: "of {qty}", weight: "{grams} g", grams: "{least}–{most} g", all: "all of it", tote: "Tote", for_order: "order {short}", then: "Then {spot} · {name}", then_none: "Then: pack", then_over: "Last one",
    ambient: "ambient", chilled: "chilled", frozen: "frozen", scarce: "few left: first", age_check: "age {age}+", substitute: "instead", put_back: "put back",
    not_found: "Not found", damaged: "Damaged", expired: "Expired", wrong_price: "Wrong price", held: "Customer has it", undo: "Undo",
    took: "{name} → {tote}", took_back: "{name} is back", undone: "Undone: {name}", nothing_to_undo: "Nothing to undo.", at_place: "Right place. Now the item.",
    said_short: "Not found: {name}", said_damaged: "Damaged, put aside. Take another: {name}", said_expired: "Expired, put aside. Take another: {name}", said_wrong_price: "Wrong price noted: {name}", said_held: "A customer has it: {name}", said_staged: "{short} → {slot}", said_packed: "{short}: {n} bags",
    wrong_item: "Wrong item", wrong_item_is: "Wrong item: {name}", wrong_place: "Wrong place: this is {spot}", enough: "Enough of it: {name}", unknown_code: "This code is not known here", code_is_unsure: "Cannot be read without Wi-Fi: type it or scan another code",
    is_expired: "Its day is over: {name}. Press Expired.", throw_away: "too long out of the cold: throw away",
    scan_one: "Scan one first.", too_light: "Too light: {grams} g, {least}–{most} g are wanted", too_heavy: "Too heavy: {grams} g, {least}–{most} g are wanted",
    how_many: "How many did you take?", how_heavy: "Weight in grams, as on the label", most: "at most {most}", type_code: "Type the code", code: "Code",

    instead_of: "Instead of {name}", wish_ask: "The customer wants to be asked.", wish_substitute: "The customer takes a substitute.", wish_remove: "The customer wants it left out.", wish_cancel: "Without it the customer wants nothing.",
    ask_customer: "Ask the customer", without_it: "Without it", no_candidates: "There is nothing like it.", asked: "The customer is asked. Go on.", answer_substitute: "the customer takes this", answer_remove: "the customer wants no more", answer_nobody: "no answer: you decide", default_decide: "then you decide", default_cancel: "then it is cancelled", take_this: "Take this: {name}",
    why_wished: "the customer named it", why_brand: "same brand", why_size: "same size", why_price: "not dearer", why_sure: "likely there", why_category: "same kind",

    pack: "Pack", bags_ambient: "Bags", bags_chilled: "Chilled bags", bags_frozen: "Frozen bags", packed: "Packed: {n} bags", packed_one: "Packed: 1 bag", pack_what: "{lines} lines from tote {tote}", fewer: "fewer", more_of: "more",
    stage: "Bring to its slot", scan_slot: "Scan the slot.", stage_what: "{n} bags", stage_one: "1 bag", slot_wrong: "That is no slot.", any_slot: "Any free slot",
    customer_asked: "The customer was asked", wait_words: "The answer comes by itself; without one the usual is done.", leave_task: "Leave it to others",

    hand_over: "Hand over", hand_words: "Scan a bag or choose the order.", hand_none: "No order is ready.", to_courier: "for the courier", to_ship: "a parcel to be shipped", to_customer: "for pickup", in_slot: "in {slot}",
    bags_read: "All {n} bags are here", bags_read_one: "The bag is here", age_seen: "Is {age} or older: seen", code_enter: "Pickup code", code_is: "Code {code}", courier_enter: "Courier (scan or type)", courier_is: "Courier {courier}", hand_do: "Handed over", handed: "{short} is handed over.", code_wrong: "Wrong code. Tries left: {n}.", code_locked: "Too many wrong codes: fetch a lead.", hand_no: "Not handed over: {why}",

    new_order: "New order", order_scan: "Scan what the customer wants.", order_scan_more: "Each scan is one more.", order_next: "Next", order_full: "200 articles are the most.", free: "{n} can be promised", free_only: "Only {n} can be promised", free_none: "None can be promised", leave_out: "Leave out", how_many_wanted: "How many are wanted?", weight_wanted: "Grams wanted",
    order_how: "How does it leave?", order_fulfil_pickup: "Pickup, by code", order_fulfil_courier: "Courier", order_fulfil_ship: "Shipped", order_soon: "How soon?", order_promise_15: "Now (15 min)", order_promise_30: "30 min", order_promise_45: "45 min", order_promise_60: "60 min", order_money: "Is it paid?", order_paid_true: "Paid", order_paid_false: "Pays within 15 min", order_age: "Age {age}+ is checked at the hand-over.",
    order_send: "Send the order", order_again: "Send it again", order_needs: "Only the store can promise goods, so this needs Wi-Fi. The order is kept here.", order_unknown: "The store has not answered for order {short} yet. It is asked again by itself, and enters it once.", order_is_sent: "This order is sent: wait for the answer.",
    order_is_accepted: "Accepted", order_is_frozen: "Kept until it is paid", order_accepted: "Order {short} is accepted.", order_frozen: "Order {short} is kept for 15 minutes, until it is paid.", order_pay_words: "The goods are kept for 15 minutes. Without payment the order ends then.", order_code_words: "Give this code to the customer. It is shown only now.", order_done: "Done",
    order_short: "Not accepted: there is less than wanted. Take less and send it again.", order_rejected: "Not accepted: {why}", stopped_paused: "Not accepted: the store takes no orders now.", stopped_hq: "Not accepted: HQ has not been heard for too long.", stopped_unpaid: "The 15 minutes are over: the order has ended. Send it again.", stopped_expired: "Its time was over, and the goods are gone.", stopped_cancelled: "The order was cancelled.",
    paying: "To be paid", paying_words: "Choose the order that is paid.", paying_none: "No order is to be paid.", order_paid_do: "It is paid", order_paid_of: "{short} is paid", order_is_paid: "Order {short} is paid.",

    count_words: "Scan every piece, or type how many.", count_done: "Counted", count_at: "Place: {place}", counted: "The count is entered.", count_other: "Not in this count: {name}", count_none: "Nothing is to be counted.",
    find: "What is this?", find_words: "Scan it.", found: "{name} · {sku}", found_wanted: "{name}: wanted for {short}", sign_out: "Sign out", sign_out_waits: "{n} reports wait: sign out once they are sent.", leave: "Leave this task to others", board: "Board: orders and figures", other_language: "中文", my_language: "Language",
    device: "This device", device_words: "Kept on this device only.", scanner_layout: "Scanner's keyboard", scanner_prefix: "In front of each code", scanner_suffix: "Behind each code", scanner_gap: "Longest gap between keys, ms", loud: "Loudness", sound_right: "Right", sound_wrong: "Wrong", sound_done: "Done", heard: "Heard: {text}", layout_os: "as this device's",
    layout_set: "The scanner's keyboard is known now.", trouble_layout: "The scanner's keyboard is set to a country that is not known here: set it to US.", trouble_long: "A scan without an end was left out: have the scanner send Enter.", trouble_ime: "Switch the keyboard to Latin letters.",
    lost_title: "Somebody else has this task now", lost_to: "{name} went on with it. What you scanned before is entered.", lost_nobody: "It is another's. What you scanned before is entered.", lost_not: "Not entered, please put back:", refused: "Not entered: {why}", gone_order: "Order {short} is cancelled: put its goods aside.", gone_task: "{short}: cancelled, or with somebody else now. Put the goods aside.",
    not_done: "Not done: {why}",
  },
  zh: {
    sink: "扫码输入", more: "更多", understood: "知道了", back: "返回", none: "–", yes: "是", loading: "请稍候…",
    sign_in: "登录", scan_badge: "请扫工牌", badge_is: "工牌 {badge}", pin: "再输入密码", type_badge: "手动输入工牌", enter: "确定", erase: "⌫",
    sign_wrong: "工牌或密码不对。", sign_wait: "尝试次数过多，{age}后再试。", sign_no_line: "没有网络，无法登录。",

    gap: "断网 {age}，请继续工作。", gap_waiting: "断网 {age}，请继续工作：{n} 条记录已存在本机，联网后自动上传。", gap_waiting_one: "断网 {age}，请继续工作：1 条记录已存在本机，联网后自动上传。",
    gap_needs: "此操作需要网络，恢复后再试。", sending: "{n} 条待上传", nothing_kept: "此浏览器无法保存记录：有待上传记录时请勿关闭页面。",
    back_now: "网络已恢复。", late: "已超时", due: "剩 {age}", sign_again: "请重新登录：{n} 条记录待上传。",

    next_job: "下一单", nothing: "暂无待拣订单", nothing_words: "有新订单会自动显示。", start: "开始拣货", go_on: "继续", go_on_here: "在本机继续",
    orders: "{n} 个订单", order_one: "订单 {short}", offer_what: "{lines} 种 {units} 件 · 剩 {age}", offer_late: "{lines} 种 {units} 件 · 已超时 {age}",
    also_waiting: "另有 {n} 单等待", put_back_job: "归位 {n} 件", put_back_words: "已取消订单的商品放回货架。", put_back_start: "开始归位",
    count_job: "盘点", count_jobs: "有 {n} 个盘点任务。", count_start: "开始盘点", task_elsewhere: "您在另一台手持机上有任务。", all_done_gap: "本机已完成，联网后自动上传。",
    reason_late: "已超时", reason_least_slack: "时间最紧", reason_courier: "骑手已到店", reason_cold: "冷藏优先", reason_starving: "等待最久", reason_left: "别人留下的任务，请接着做", reason_put_back: "商品归位",

    aisle: "{aisle} 号通道", side_L: "左侧", side_R: "右侧", bay: "{bay} 号架", level: "第 {level} 层", no_spot: "货位未知", other_place: "再看这里",
    floor: "卖场", backroom: "后仓", pieces: "共 {qty} 件", weight: "{grams} 克", grams: "{least}–{most} 克", all: "全部拿齐", tote: "周转箱", for_order: "订单 {short}", then: "下一个 {spot} · {name}", then_none: "下一步：打包", then_over: "最后一个",
    ambient: "常温", chilled: "冷藏", frozen: "冷冻", scarce: "库存少，先拿", age_check: "{age} 岁以上", substitute: "替代品", put_back: "归位",
    not_found: "找不到", damaged: "破损", expired: "过期", wrong_price: "价格不符", held: "顾客拿着", undo: "撤销",
    took: "{name} → {tote} 箱", took_back: "{name} 已归位", undone: "已撤销：{name}", nothing_to_undo: "没有可撤销的。", at_place: "货位正确，请扫商品。",
    said_short: "找不到：{name}", said_damaged: "破损，放一边，另拿一件：{name}", said_expired: "过期，放一边，另拿一件：{name}", said_wrong_price: "已记价格不符：{name}", said_held: "顾客拿着：{name}", said_staged: "{short} → {slot}", said_packed: "{short}：{n} 袋",
    wrong_item: "拿错了", wrong_item_is: "拿错了：{name}", wrong_place: "货位不对：这里是 {spot}", enough: "已够数：{name}", unknown_code: "不认识这个码", code_is_unsure: "断网时无法识别：请手动输入或扫其他码",
    is_expired: "已过期：{name}，请按“过期”。", throw_away: "离开冷藏太久：请报废",
    scan_one: "请先扫一件。", too_light: "太轻：{grams} 克，需 {least}–{most} 克", too_heavy: "太重：{grams} 克，需 {least}–{most} 克",
    how_many: "拿了几件？", how_heavy: "标签上的重量（克）", most: "最多 {most}", type_code: "手动输入", code: "编码",

    instead_of: "替代：{name}", wish_ask: "顾客要求先询问。", wish_substitute: "顾客接受替代品。", wish_remove: "顾客要求缺货不要。", wish_cancel: "缺货则整单取消。",
    ask_customer: "询问顾客", without_it: "不要了", no_candidates: "没有相近商品。", asked: "已询问顾客，请继续。", answer_substitute: "顾客同意换这个", answer_remove: "顾客不要了", answer_nobody: "顾客未答复，由您决定", default_decide: "超时由您决定", default_cancel: "超时取消订单", take_this: "请拿：{name}",
    why_wished: "顾客指定", why_brand: "同品牌", why_size: "同规格", why_price: "不更贵", why_sure: "库存可靠", why_category: "同类",

    pack: "打包", bags_ambient: "袋数", bags_chilled: "冷藏袋", bags_frozen: "冷冻袋", packed: "打包完成：{n} 袋", packed_one: "打包完成：1 袋", pack_what: "{tote} 箱，{lines} 种", fewer: "减少", more_of: "增加",
    stage: "放到取货位", scan_slot: "请扫取货位。", stage_what: "{n} 袋", stage_one: "1 袋", slot_wrong: "这不是取货位。", any_slot: "任一空位",
    customer_asked: "已询问顾客", wait_words: "回复会自动显示；超时按默认处理。", leave_task: "交给别人",

    hand_over: "交付", hand_words: "扫袋子，或选择订单。", hand_none: "没有待交付订单。", to_courier: "骑手取", to_ship: "快递寄出", to_customer: "顾客自提", in_slot: "在 {slot}",
    bags_read: "{n} 袋齐了", bags_read_one: "1 袋齐了", age_seen: "已核对满 {age} 岁", code_enter: "取货码", code_is: "取货码 {code}", courier_enter: "骑手（扫码或输入）", courier_is: "骑手 {courier}", hand_do: "确认交付", handed: "{short} 已交付。", code_wrong: "取货码不对，还可试 {n} 次。", code_locked: "错误次数太多，请找主管交付。", hand_no: "未交付：{why}",

    new_order: "新订单", order_scan: "请扫顾客要的商品。", order_scan_more: "每扫一次加一件。", order_next: "下一步", order_full: "最多 200 种商品。", free: "可订 {n}", free_only: "只剩 {n} 可订", free_none: "无货可订", leave_out: "去掉", how_many_wanted: "要几件？", weight_wanted: "要多少克？",
    order_how: "怎样取货？", order_fulfil_pickup: "凭码自提", order_fulfil_courier: "骑手", order_fulfil_ship: "快递", order_soon: "多快？", order_promise_15: "马上（15分钟）", order_promise_30: "30 分钟", order_promise_45: "45 分钟", order_promise_60: "60 分钟", order_money: "付款了吗？", order_paid_true: "已付款", order_paid_false: "15 分钟内付款", order_age: "交付时需核对满 {age} 岁。",
    order_send: "提交订单", order_again: "再次提交", order_needs: "只有门店能确认有货，需要网络。订单已保存在本机。", order_unknown: "订单 {short} 门店尚未答复。联网后自动再问，只会录入一次。", order_is_sent: "订单已提交，请等待答复。",
    order_is_accepted: "已接单", order_is_frozen: "已保留，待付款", order_accepted: "订单 {short} 已接单。", order_frozen: "订单 {short} 已保留 15 分钟，等待付款。", order_pay_words: "商品保留 15 分钟，不付款订单自动结束。", order_code_words: "请把取货码告诉顾客。只在这里显示一次。", order_done: "完成",
    order_short: "未接单：存货不够。请减少数量后再提交。", order_rejected: "未接单：{why}", stopped_paused: "未接单：门店暂停接单。", stopped_hq: "未接单：与总部失联太久。", stopped_unpaid: "15 分钟已过，订单已结束，请重新提交。", stopped_expired: "超过付款时间，商品已不在。", stopped_cancelled: "订单已取消。",
    paying: "待付款", paying_words: "请选择已付款的订单。", paying_none: "没有待付款订单。", order_paid_do: "已付款", order_paid_of: "{short} 已付款", order_is_paid: "订单 {short} 已付款。",

    count_words: "逐件扫码，或输入数量。", count_done: "盘点完成", count_at: "位置：{place}", counted: "盘点已录入。", count_other: "不在本次盘点：{name}", count_none: "没有盘点任务。",
    find: "查商品", find_words: "请扫码。", found: "{name} · {sku}", found_wanted: "{name}：订单 {short} 需要", sign_out: "退出登录", sign_out_waits: "{n} 条待上传：上传后再退出。", leave: "任务交给别人", board: "看板：订单与指标", other_language: "English", my_language: "语言",
    device: "本机设置", device_words: "只保存在本机。", scanner_layout: "扫码键盘布局", scanner_prefix: "条码前缀", scanner_suffix: "条码后缀", scanner_gap: "按键最长间隔（毫秒）", loud: "音量", sound_right: "正确", sound_wrong: "错误", sound_done: "完成", heard: "收到：{text}", layout_os: "与本机相同",
    layout_set: "已识别扫码键盘布局。", trouble_layout: "扫码枪键盘国家不支持，请设为美国 (US)。", trouble_long: "扫码没有结尾，已忽略：请让扫码枪发送回车。", trouble_ime: "请把输入法切到英文。",
    lost_title: "任务已由别人接手", lost_to: "{name} 已接手。您之前扫的已录入。", lost_nobody: "任务已归别人。您之前扫的已录入。", lost_not: "以下未录入，请放回：", refused: "未录入：{why}", gone_order: "订单 {short} 已取消：请把商品放一边。", gone_task: "{short}：已取消或已由他人接手，请把商品放一边。",
    not_done: "未完成：{why}",
  },
};

/** A text with its blanks filled in; a key that has no words is shown as it is. */
export const fill = (words, key, values = {}) => (words[key] ?? key).replace(/\{(\w+)\}/g, (blank, name) => values[name] ?? blank);
