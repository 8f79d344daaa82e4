// Words on devices, for the page and for `nearshelf-agent doctor`, which reads what stands behind the `=` as JSON.
// A trouble has a word for what it is and, in Chinese, for what to do; in English the device's driver says that.

export const DEVICE_WORDS = {
  "en": {
    "troubles": {
      "settings": "Its settings cannot work",
      "address_unknown": "Nobody knows a device of this name",
      "unreachable": "There is no way to it on the network",
      "port_closed": "Something is there, but not this device",
      "no_answer": "Nothing answers at this address",
      "broke": "The connection broke",
      "untrusted": "Its certificate is not trusted",
      "not_there": "It is not plugged in",
      "not_allowed": "The agent may not open it",
      "taken": "Another program has it",
      "silent": "It fell silent",
      "nonsense": "What it sends makes no sense",
      "refused": "It refused",
      "login": "Name or password is wrong",
      "driver_broke": "Its driver made a mistake",
      "driver_hung": "Its driver hangs"
    },
    "hints": {},
    "strings": {
      "device_clock_ahead": "Its clock is {age} ahead.",
      "device_clock_behind": "Its clock is {age} behind.",
      "device_clock_todo": "Let it take the time from a time server.",
      "device_dropped_why": "Part of what it sent was left out: {why}"
    }
  },
  "zh": {
    "troubles": {
      "settings": "设备配置有误",
      "address_unknown": "找不到该名称的设备",
      "unreachable": "网络上无法到达该设备",
      "port_closed": "该地址有机器，但没有此设备的服务",
      "no_answer": "该地址没有应答",
      "broke": "连接中断",
      "untrusted": "设备证书不受信任",
      "not_there": "设备未插入",
      "not_allowed": "程序无权打开该设备",
      "taken": "设备被其他程序占用",
      "silent": "设备长时间没有信号",
      "nonsense": "设备发来的数据无法理解",
      "refused": "设备拒绝了请求",
      "login": "用户名或密码不对",
      "driver_broke": "驱动程序出错",
      "driver_hung": "驱动程序卡住"
    },
    "hints": {
      "settings": "请按上面的说明修改配置；所写的文件必须存在、内容正确，并且服务用户能够读取。",
      "address_unknown": "请核对配置中的设备名称，或直接填写 IP 地址。",
      "unreachable": "请检查设备电源、网线和交换机，并确认 IP 地址与本机在同一网络。",
      "port_closed": "请核对地址和端口；设备刚通电时请稍候，或在设备上启用此接口。",
      "no_answer": "请核对 IP 地址，检查设备电源，以及中间是否有防火墙拦截。",
      "broke": "请检查网线或数据线和电源；程序会自动重连。",
      "untrusted": "请为设备换上可信证书，或核对配置中的证书与主机名。",
      "not_there": "请插好设备或数据线。串口设备的端口请用 /dev/serial/by-id 下的名称，重新插拔后不变；USB 扫描枪请核对配置中的型号（usb）和序列号，以及扫描枪的 USB 模式。",
      "not_allowed": "请将服务用户加入 dialout 组，然后重启服务；USB 扫描枪还需安装 drivers/60-nearshelf-scanners.rules 并重新插拔。",
      "taken": "请关闭占用设备的其他程序（如厂商演示软件）；若是刚断开的旧连接，设备稍后会自行释放。",
      "silent": "请检查设备电源和网络；若仍无反应，请给设备断电重启。",
      "nonsense": "请核对波特率、校验位和协议设置，以及配置中的驱动类型。",
      "refused": "请按上面的说明核对设备设置；每 30 秒重试一次。",
      "login": "请核对配置中的用户名和密码。",
      "driver_broke": "请查看日志，并将其报告给驱动的提供者。",
      "driver_hung": "请重启门店程序，并将此情况报告给驱动的提供者。"
    },
    "strings": {
      "device_clock_ahead": "设备时钟快了 {age}。",
      "device_clock_behind": "设备时钟慢了 {age}。",
      "device_clock_todo": "请让它与时间服务器同步。",
      "device_dropped_why": "部分数据未被采用：{why}"
    }
  }
};
