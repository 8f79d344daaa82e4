// What the store says when it does not take something, in Chinese. On the left its own words (agent/core), `{}` for what varies;
// what is not here is shown as the store said it.

import { translator } from "../sentences.js";

export const REFUSALS = {
  "{} is no staging slot; there are {}": "{0} 不是取货位，可用：{1}",
  "slot {} is {}, and these goods are {}": "取货位 {0} 是{1}位，这些商品要放{2}",
  "nothing of the order is in tote {}": "周转箱 {0} 里没有该订单的商品",
  "this is {}, wanted is {}": "这是 {0}，要的是 {1}",
  "it expired on {} (YYMMDD): report it as expired": "已过期（{0}），请按“过期”",
  "GTIN {} is not in the catalogue": "本店没有条码 {0} 的商品",
  "{} is no article of this store": "{0} 不是本店商品",
  "{} is sold by weight and the code says none: weigh it": "{0} 按重量卖，条码里没有重量，请称重",
  "{} g is too little: at least {} g are wanted": "太轻：{0} 克，至少 {1} 克",
  "{} g is too much: nothing was taken": "太重：{0} 克，没有计入",
  "order {} is not in this task": "订单 {0} 不在这个任务里",
  "order {} is {}: {} is not possible; possible: {}": "订单 {0} 已到下一步，不能再做这一步",
  "it was undone before": "已经撤销过",
  "another step followed": "后面还有别的步骤，不能撤销",
  "the order is {} already": "订单已到下一步，不能撤销",
  "nothing was reported of the line": "没有可撤销的步骤",
  "{} has {} bags, not {}": "{0} 共 {1} 袋，不是 {2} 袋",
  "{} is {}: only what is picked can be packed": "订单 {0} 现在不能打包",
  "{} is {}: only what is staged can be handed over": "订单 {0} 现在不能交付",
  "the buyer's age must be checked; when it is too low, cancel the order": "必须核对年龄；不够年龄请取消订单",
  "too many wrong codes: a lead must hand it over": "错误次数太多，请主管交付",
  "the pickup code is needed": "需要取货码",
  "say who takes it": "请扫骑手码",
};
const KEPT = { ambient: "常温", chilled: "冷藏", frozen: "冷冻" };

/** Why, in Chinese. */
export const inChinese = translator(REFUSALS, (one) => one.replace(/\w+/g, (word) => KEPT[word] ?? word));
