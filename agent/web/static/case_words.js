// What cases say of themselves, in Chinese. On the left the store's own words (agent/core, agent), `{}` for what varies; texts of
// people and devices stay as they are.

import { translator } from "./sentences.js";

export const TEXTS = {
  "on the label, says {}; order {}": "{0} 报告价签价格不对；订单 {1}",
  "{} promised and not there; first to give way: {}": "{0} 件已承诺但没有货；最先让出：{1}",
  "{} after {}": "{1} 之后为 {0}",
  "{} when the books were restored": "恢复账本时为 {0}",
  "weighed {} more than was ordered of {}": "{1} 比订的多称 {0} 克",
  "weighed {} of {} {}: nothing was taken": "{2} 称得 {0} 克，订 {1} 克：没有计入",
  "weighed {} of {} {}": "{2} 称得 {0} 克，订 {1} 克",
  "not found for {}": "为 {0} 拣货时没找到",
  "{} found for {}": "为 {1} 拣货时发现 {0} 件",
  "{} of {} from {}": "{1} {0} 件，来自 {2}",
  "{}: the difference is large": "{0}：差异较大，请另一人复盘",
  "{}: somebody looked for it since, and did not find it": "{0}：之后有人去找，没找到",
  "{}: something moved while it was counted": "{0}：盘点期间有变动",
  "{}: it was counted by somebody else meanwhile, and the two differ": "{0}：期间另有人盘点，两次不一致",
  "{}: the books began anew since": "{0}：之后账本重新开始",
  "{}: the counting began too long ago": "{0}：盘点开始得太早",
  "{}: more was taken from there since than was counted": "{0}：之后取走的比盘到的多",
  "{}: two counts differ; a manager decides": "{0}：两次盘点不一致，由经理决定",
  "{}: two agree on a very large difference; a manager decides": "{0}：两次一致，但差异很大，由经理决定",
  "heard at {}": "在 {0} 读到",
  "GTIN {}, serial {}": "GTIN {0}，序列号 {1}",
  "sold again": "又卖出一次",
  "sold, but in no delivery": "已卖出，但不在任何到货单里",
  "the tag is blank": "标签是空的",
  "the tag was never written: it says what its maker left there (header {})": "标签没有写过，还是出厂内容（头 {0}）",
  "an {} has {} bits, and this tag says it has {}": "{0} 有 {1} 位，而这个标签说有 {2} 位",
  "{} bits are more than a tag's EPC can have": "{0} 位，超过标签 EPC 的长度",
  "the tag holds no EPC but an ISO 15961 number (application family {})": "标签里不是 EPC，而是 ISO 15961 编号（应用族 {0}）",
  "the tag is {}": "标签不是商品：{0}",
  "its {} {}": "标签的 {0} 有误：{1}",
  "wrong PINs again and again, from {}": "一再输错密码，来自 {0}",
  "the reserve is given up": "预留空间已用掉",
  "it says {}, and a certificate of the line began on {}": "时钟显示 {0}，而线路证书从 {1} 起有效",
  "the store's certificate ends on {}": "门店证书 {0} 到期",
  "the certificate of the store's pages ends on {}": "门店页面的证书 {0} 到期",
  "{}, last at {}": "{0}，最后在 {1}",
  "{}, for {}": "{0}，负责：{1}",
  "{} {} for {} {}": "{1} × {0}，代替 {3} × {2}",
};
// What stands in them: states of an order, and whose turn it is.
const WORDS = {
  received: "待付款", accepted: "待拣", picking: "拣货中", awaiting_decision: "等顾客答复", picked: "待打包", packed: "待上取货位", staged: "待取",
  cancel_requested: "取消中", handed_over: "已交付", return_pending: "退回", picker: "拣货员", store_lead: "店长", customer: "顾客", counter: "取货台",
};

const inChinese = translator(TEXTS, (one) => WORDS[one] ?? one);

/** A function for each language. */
export const inWords = { en: (said) => said, zh: inChinese };
