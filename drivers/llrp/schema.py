"""The messages and parameters of LLRP 1.1 as one table, and the two ways through it: bytes to values and back.

A line of the table reads `number Name field:kind … | Child:Type …`, in the order of the wire:

- kinds: `u8 u16 u32 u64 s8 s16`, `bN` N bits, `bool` one bit, `_:N` N reserved bits, `text` and `bytes` with a
  two-byte length, `u16s u32s` with a two-byte count, `bits` a bit array with a two-byte count of bits, `12s` twelve
  bytes, `rest` what is left;
- children: `*` repeated, `?` optional, `!` one of several, shown as zero when it is another one;
- `= kind`: the parameter is that one value.

Names are those of LLRP 1.1; plural names of lists, and the short names some readers' tools use, follow the JSON
published with EdgeX's recordings, so that a recording and its meaning can be compared as they are.
"""

from dataclasses import dataclass
from typing import Final

MESSAGES: Final = """
1 GetReaderCapabilities ReaderCapabilitiesRequestedData:u8 | Custom*
2 GetReaderConfig AntennaID:u16 RequestedData:u8 GPIPortNum:u16 GPOPortNum:u16 | Custom*
3 SetReaderConfig ResetToFactoryDefaults:bool _:7
    | ReaderEventNotificationSpec? AntennaProperties* AntennaConfigurations:AntennaConfiguration* ROReportSpec?
    AccessReportSpec? KeepAliveSpec? GPOWriteData* GPIPortCurrentStates:GPIPortCurrentState* EventsAndReports? Custom*
4 CloseConnectionResponse | LLRPStatus
11 GetReaderCapabilitiesResponse | LLRPStatus GeneralDeviceCapabilities? LLRPCapabilities? RegulatoryCapabilities?
    C1G2LLRPCapabilities? Custom*
12 GetReaderConfigResponse | LLRPStatus Identification? AntennaProperties* AntennaConfigurations:AntennaConfiguration*
    ReaderEventNotificationSpec? ROReportSpec? AccessReportSpec? LLRPConfigurationStateValue? KeepAliveSpec?
    GPIPortCurrentStates:GPIPortCurrentState* GPOWriteData* EventsAndReports? Custom*
13 SetReaderConfigResponse | LLRPStatus
14 CloseConnection
20 AddROSpec | ROSpec
21 DeleteROSpec ROSpecID:u32
22 StartROSpec ROSpecID:u32
23 StopROSpec ROSpecID:u32
24 EnableROSpec ROSpecID:u32
25 DisableROSpec ROSpecID:u32
26 GetROSpecs
30 AddROSpecResponse | LLRPStatus
31 DeleteROSpecResponse | LLRPStatus
32 StartROSpecResponse | LLRPStatus
33 StopROSpecResponse | LLRPStatus
34 EnableROSpecResponse | LLRPStatus
35 DisableROSpecResponse | LLRPStatus
36 GetROSpecsResponse | LLRPStatus ROSpecs:ROSpec*
40 AddAccessSpec | AccessSpec
41 DeleteAccessSpec AccessSpecID:u32
42 EnableAccessSpec AccessSpecID:u32
43 DisableAccessSpec AccessSpecID:u32
44 GetAccessSpecs
45 ClientRequestOp | TagReportData
46 GetSupportedVersion
47 SetProtocolVersion TargetVersion:u8
50 AddAccessSpecResponse | LLRPStatus
51 DeleteAccessSpecResponse | LLRPStatus
52 EnableAccessSpecResponse | LLRPStatus
53 DisableAccessSpecResponse | LLRPStatus
54 GetAccessSpecsResponse | LLRPStatus AccessSpecs:AccessSpec*
55 ClientRequestOpResponse | ClientRequestResponse
56 GetSupportedVersionResponse CurrentVersion:u8 MaxSupportedVersion:u8 | LLRPStatus
57 SetProtocolVersionResponse | LLRPStatus
60 GetReport
61 ROAccessReport | TagReportData* RFSurveyReportData* Custom*
62 KeepAlive
63 ReaderEventNotification | ReaderEventNotificationData
64 EnableEventsAndReports
72 KeepAliveAck
100 ErrorMessage | LLRPStatus
1023 CustomMessage VendorID:u32 MessageSubtype:u8 Data:rest
"""

PARAMETERS: Final = """
1 AntennaID = u16
2 FirstSeenUTC = u64
3 FirstSeenUptime = u64
4 LastSeenUTC = u64
5 LastSeenUptime = u64
6 PeakRSSI = s8
7 ChannelIndex = u16
8 TagSeenCount = u16
9 ROSpecID = u32
10 InventoryParameterSpecID = u16
11 C1G2CRC = u16
12 C1G2PC EPCMemoryLength:b5 HasUserMemory:bool HasXPC:bool IsISO15961:bool AttributesOrAFI:u8
13 EPC96 EPC:12s
14 SpecIndex = u16
15 ClientRequestOpSpecResult = u16
16 AccessSpecID = u32
17 OpSpecID = u16
18 C1G2SingulationDetails NumCollisionSlots:u16 NumEmptySlots:u16
19 C1G2XPCW1 = u16
20 C1G2XPCW2 = u16
128 UTCTimestamp = u64
129 Uptime = u64
137 GeneralDeviceCapabilities MaxSupportedAntennas:u16 CanSetAntennaProperties:bool HasUTCClock:bool _:14
    DeviceManufacturer:u32 Model:u32 FirmwareVersion:text
    | ReceiveSensitivities:ReceiveSensitivityTableEntry*
    PerAntennaReceiveSensitivityRanges:PerAntennaReceiveSensitivityRange* GPIOCapabilities
    PerAntennaAirProtocols:PerAntennaAirProtocol* MaximumReceiveSensitivity?
139 ReceiveSensitivityTableEntry Index:u16 ReceiveSensitivity:u16
140 PerAntennaAirProtocol AntennaID:u16 AirProtocolIDs:bytes
141 GPIOCapabilities NumGPIs:u16 NumGPOs:u16
142 LLRPCapabilities CanDoRFSurvey:bool CanReportBufferFillWarning:bool SupportsClientRequestOpSpec:bool
    CanDoTagInventoryStateAwareSingulation:bool SupportsEventsAndReportHolding:bool _:3 MaxPriorityLevelSupported:u8
    ClientRequestedOpSpecTimeout:u16 MaxROSpecs:u32 MaxSpecsPerROSpec:u32 MaxInventoryParameterSpecsPerAISpec:u32
    MaxAccessSpecs:u32 MaxOpSpecsPerAccessSpec:u32
143 RegulatoryCapabilities CountryCode:u16 CommunicationsStandard:u16 | UHFBandCapabilities? Custom*
144 UHFBandCapabilities | TransmitPowerLevels:TransmitPowerLevelTableEntry* FrequencyInformation
    C1G2RFModes:UHFC1G2RFModeTable RFSurveyFrequencyCapabilities?
145 TransmitPowerLevelTableEntry Index:u16 TransmitPowerValue:s16
146 FrequencyInformation Hopping:bool _:7 | FrequencyHopTables:FrequencyHopTable* FixedFrequencyTable?
147 FrequencyHopTable HopTableID:u8 _:8 Frequencies:u32s
148 FixedFrequencyTable Frequencies:u32s
149 PerAntennaReceiveSensitivityRange AntennaID:u16 ReceiveSensitivityIndexMin:u16 ReceiveSensitivityIndexMax:u16
177 ROSpec ROSpecID:u32 Priority:u8 ROSpecCurrentState:u8
    | ROBoundarySpec AISpecs:AISpec* RFSurveySpecs:RFSurveySpec* Custom* LoopSpec? ROReportSpec?
178 ROBoundarySpec | StartTrigger:ROSpecStartTrigger StopTrigger:ROSpecStopTrigger
179 ROSpecStartTrigger Trigger:u8 | PeriodicTrigger:PeriodicTriggerValue? GPITrigger:GPITriggerValue?
180 PeriodicTriggerValue Offset:u32 Period:u32 | UTCTimestamp?
181 GPITriggerValue Port:u16 Event:bool _:7 Timeout:u32
182 ROSpecStopTrigger Trigger:u8 DurationTriggerValue:u32 | GPITriggerValue?
183 AISpec AntennaIDs:u16s
    | StopTrigger:AISpecStopTrigger InventoryParameterSpecs:InventoryParameterSpec* Custom*
184 AISpecStopTrigger Trigger:u8 DurationTriggerValue:u32 | GPITrigger:GPITriggerValue? TagObservationTrigger?
185 TagObservationTrigger Trigger:u8 _:8 NumberOfTags:u16 NumberOfAttempts:u16 T:u16 Timeout:u32
186 InventoryParameterSpec InventoryParameterSpecID:u16 AirProtocolID:u8
    | AntennaConfigurations:AntennaConfiguration* Custom*
187 RFSurveySpec AntennaID:u16 StartFrequency:u32 EndFrequency:u32 | Trigger:RFSurveySpecStopTrigger Custom*
188 RFSurveySpecStopTrigger Trigger:u8 Duration:u32 N:u32
207 AccessSpec AccessSpecID:u32 AntennaID:u16 AirProtocolID:u8 IsActive:bool _:7 ROSpecID:u32
    | Trigger:AccessSpecStopTrigger AccessCommand AccessReportSpec? Custom*
208 AccessSpecStopTrigger Trigger:u8 OperationCountValue:u16
209 AccessCommand | C1G2TagSpec C1G2Read? C1G2Write? C1G2Kill? C1G2Recommission? C1G2Lock? C1G2BlockErase?
    C1G2BlockWrite? C1G2BlockPermalock? C1G2GetBlockPermalockStatus? ClientRequestOpSpec? Custom*
210 ClientRequestOpSpec = u16
211 ClientRequestResponse AccessSpecID:u32 | EPCData C1G2Read? C1G2Write? C1G2Kill? C1G2Recommission? C1G2Lock?
    C1G2BlockErase? C1G2BlockWrite? C1G2BlockPermalock? C1G2GetBlockPermalockStatus? ClientRequestOpSpec? Custom?
217 LLRPConfigurationStateValue = u32
218 Identification IDType:u8 ReaderID:bytes
219 GPOWriteData Port:u16 Data:bool _:7
220 KeepAliveSpec Trigger:u8 Interval:u32
221 AntennaProperties AntennaConnected:bool _:7 AntennaID:u16 AntennaGain:s16
222 AntennaConfiguration AntennaID:u16 | RFReceiver? RFTransmitter? C1G2InventoryCommand? Custom*
223 RFReceiver = u16
224 RFTransmitter HopTableID:u16 ChannelIndex:u16 TransmitPowerIndex:u16
225 GPIPortCurrentState Port:u16 Enabled:bool _:7 State:u8
226 EventsAndReports = bool _:7
237 ROReportSpec Trigger:u8 N:u16 | TagReportContentSelector Custom*
238 TagReportContentSelector EnableROSpecID:bool EnableSpecIndex:bool EnableInventoryParamSpecID:bool
    EnableAntennaID:bool EnableChannelIndex:bool EnablePeakRSSI:bool EnableFirstSeenTimestamp:bool
    EnableLastSeenTimestamp:bool EnableTagSeenCount:bool EnableAccessSpecID:bool _:6 | C1G2EPCMemorySelector? Custom*
239 AccessReportSpec = u8
240 TagReportData | EPCData! EPC96! ROSpecID? SpecIndex? InventoryParameterSpecID? AntennaID? PeakRSSI? ChannelIndex?
    FirstSeenUTC? FirstSeenUptime? LastSeenUTC? LastSeenUptime? TagSeenCount? C1G2PC? C1G2XPCW1? C1G2XPCW2? C1G2CRC?
    AccessSpecID? C1G2ReadOpSpecResult? C1G2WriteOpSpecResult? C1G2KillOpSpecResult? C1G2LockOpSpecResult?
    C1G2BlockEraseOpSpecResult? C1G2BlockWriteOpSpecResult? C1G2RecommissionOpSpecResult?
    C1G2BlockPermalockOpSpecResult? C1G2GetBlockPermalockStatusOpSpecResult? ClientRequestOpSpecResult? Custom*
241 EPCData EPC:bits
242 RFSurveyReportData | ROSpecID? SpecIndex? FrequencyRSSILevelEntries:FrequencyRSSILevelEntry* Custom*
243 FrequencyRSSILevelEntry Frequency:u32 Bandwidth:u32 AverageRSSI:s8 PeakRSSI:s8 | UTCTimestamp! Uptime!
244 ReaderEventNotificationSpec | EventNotificationStates:EventNotificationState*
245 EventNotificationState ReaderEventType:u16 NotificationEnabled:bool _:7
246 ReaderEventNotificationData | UTCTimestamp! Uptime! HoppingEvent? GPIEvent? ROSpecEvent?
    ReportBufferLevelWarningEvent? ReportBufferOverflowErrorEvent? ReaderExceptionEvent? RFSurveyEvent? AISpecEvent?
    AntennaEvent? ConnectionAttemptEvent? ConnectionCloseEvent? SpecLoopEvent? Custom*
247 HoppingEvent = u16
248 GPIEvent Port:u16 Event:bool _:7
249 ROSpecEvent Event:u8 ROSpecID:u32 PreemptingROSpecID:u32
250 ReportBufferLevelWarningEvent = u8
251 ReportBufferOverflowErrorEvent
252 ReaderExceptionEvent Message:text
    | ROSpecID? SpecIndex? InventoryParameterSpecID? AntennaID? AccessSpecID? OpSpecID? Custom*
253 RFSurveyEvent Event:u8 ROSpecID:u32
254 AISpecEvent Event:u8 ROSpecID:u32 SpecIndex:u16 | SingulationDetails:C1G2SingulationDetails?
255 AntennaEvent Event:u8 AntennaID:u16
256 ConnectionAttemptEvent = u16
257 ConnectionCloseEvent
287 LLRPStatus Status:u16 ErrorDescription:text | FieldError? ParameterError?
288 FieldError FieldIndex:u16 ErrorCode:u16
289 ParameterError ParameterType:u16 ErrorCode:u16 | ParameterError? FieldError?
327 C1G2LLRPCapabilities SupportsBlockErase:bool SupportsBlockWrite:bool SupportsBlockPermalock:bool
    SupportsTagRecommissioning:bool SupportsUMIMethod2:bool SupportsXPC:bool _:2 MaxSelectFiltersPerQuery:u16
328 UHFC1G2RFModeTable | UHFC1G2RFModeTableEntries:UHFC1G2RFModeTableEntry*
329 UHFC1G2RFModeTableEntry ModeID:u32 DivideRatio:b1 IsEPCHagConformant:bool _:6 Modulation:u8
    ForwardLinkModulation:u8 SpectralMask:u8 BackscatterDataRate:u32 PIERatio:u32 MinTariTime:u32 MaxTariTime:u32
    StepTariTime:u32
330 C1G2InventoryCommand TagInventoryStateAware:bool _:7
    | Filters:C1G2Filter* RFControl:C1G2RFControl? SingulationControl:C1G2SingulationControl? Custom*
331 C1G2Filter TruncateAction:b2 _:6 | TagInventoryMask:C1G2TagInventoryMask
    AwareFilterAction:C1G2TagInventoryStateAwareFilterAction?
    UnawareFilterAction:C1G2TagInventoryStateUnawareFilterAction?
332 C1G2TagInventoryMask MemoryBank:b2 _:6 MostSignificantBit:u16 TagMask:bits
333 C1G2TagInventoryStateAwareFilterAction Target:u8 FilterAction:u8
334 C1G2TagInventoryStateUnawareFilterAction = u8
335 C1G2RFControl RFModeID:u16 Tari:u16
336 C1G2SingulationControl Session:b2 _:6 TagPopulation:u16 TagTransitTime:u32
    | InvAwareAction:C1G2TagInventoryStateAwareSingulationAction?
337 C1G2TagInventoryStateAwareSingulationAction SessionState:b1 SLState:b1 _:6
338 C1G2TagSpec | TagPattern1:C1G2TargetTag TagPattern2:C1G2TargetTag?
339 C1G2TargetTag C1G2MemoryBank:b2 MatchFlag:bool _:5 MostSignificantBit:u16 TagMask:bits TagData:bits
341 C1G2Read OpSpecID:u16 AccessPassword:u32 C1G2MemoryBank:b2 _:6 WordAddress:u16 WordCount:u16
342 C1G2Write OpSpecID:u16 AccessPassword:u32 C1G2MemoryBank:b2 _:6 WordAddress:u16 Data:u16s
343 C1G2Kill OpSpecID:u16 KillPassword:u32
344 C1G2Lock OpSpecID:u16 AccessPassword:u32 | C1G2LockPayloads:C1G2LockPayload*
345 C1G2LockPayload LockPrivilege:u8 LockData:u8
346 C1G2BlockErase OpSpecID:u16 AccessPassword:u32 C1G2MemoryBank:b2 _:6 WordAddress:u16 WordCount:u16
347 C1G2BlockWrite OpSpecID:u16 AccessPassword:u32 C1G2MemoryBank:b2 _:6 WordAddress:u16 Data:u16s
348 C1G2EPCMemorySelector CRCEnabled:bool PCBitsEnabled:bool XPCBitsEnabled:bool _:5
349 C1G2ReadOpSpecResult C1G2ReadOpSpecResultType:u8 OpSpecID:u16 Data:u16s
350 C1G2WriteOpSpecResult C1G2WriteOpSpecResultType:u8 OpSpecID:u16 WordsWritten:u16
351 C1G2KillOpSpecResult C1G2KillResult:u8 OpSpecID:u16
352 C1G2LockOpSpecResult C1G2LockResult:u8 OpSpecID:u16
353 C1G2BlockEraseOpSpecResult C1G2BlockEraseResult:u8 OpSpecID:u16
354 C1G2BlockWriteOpSpecResult C1G2BlockWriteResult:u8 OpSpecID:u16 WordsWritten:u16
355 LoopSpec = u32
356 SpecLoopEvent ROSpecID:u32 LoopCount:u32
357 C1G2Recommission OpSpecID:u16 KillPassword:u32 _:5 SB3:bool SB2:bool LSB:bool
358 C1G2BlockPermalock OpSpecID:u16 AccessPassword:u32 C1G2MemoryBank:b2 _:6 BlockAddress:u16 BlockMask:u16s
359 C1G2GetBlockPermalockStatus OpSpecID:u16 AccessPassword:u32 C1G2MemoryBank:b2 _:6 BlockAddress:u16 BlockRange:u16
360 C1G2RecommissionOpSpecResult C1G2RecommissionResult:u8 OpSpecID:u16
361 C1G2BlockPermalockOpSpecResult C1G2BlockPermalockResult:u8 OpSpecID:u16
362 C1G2GetBlockPermalockStatusOpSpecResult C1G2GetBlockPermalockStatusResult:u8 OpSpecID:u16 PermalockStatuses:u16s
363 MaximumReceiveSensitivity = s16
365 RFSurveyFrequencyCapabilities MinFrequency:u32 MaxFrequency:u32
1023 Custom VendorID:u32 Subtype:u32 Data:rest
"""


@dataclass(frozen=True, slots=True)
class Field:
    """One value on the wire; `_` is reserved bits."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Child:
    """A parameter inside another; `how` is one of `1 ? * !` as in the table."""

    name: str
    type_name: str
    how: str


@dataclass(frozen=True, slots=True)
class Shape:
    """A message or a parameter: its number, its values, then its children. `plain`: it is its only value."""

    number: int
    name: str
    fields: tuple[Field, ...]
    children: tuple[Child, ...]
    plain: bool


def _field(word: str) -> Field:
    name, _, kind = word.partition(":")
    return Field(name, f"_{kind}" if name == "_" else kind)


def _child(word: str) -> Child:
    how = word[-1] if word[-1] in "?*!" else "1"
    name, _, type_name = word.rstrip("?*!").partition(":")
    return Child(name, type_name or name, how)


def _shape(line: str) -> Shape:
    head, _, children = line.partition("|")
    number, name, *words = head.split()
    plain = words[:1] == ["="]
    if plain:
        words[:2] = [f"value:{words[1]}"]
    return Shape(int(number), name, tuple(map(_field, words)), tuple(_child(word) for word in children.split()), plain)


def _shapes(table: str) -> dict[str, Shape]:
    lines = table.strip().replace("\n    ", " ").splitlines()
    return {shape.name: shape for shape in map(_shape, lines)}


MESSAGE: Final = _shapes(MESSAGES)
PARAMETER: Final = _shapes(PARAMETERS)
MESSAGE_NAME: Final = {shape.number: name for name, shape in MESSAGE.items()}
PARAMETER_NAME: Final = {shape.number: name for name, shape in PARAMETER.items()}

_BITS: Final = {"u8": 8, "s8": 8, "u16": 16, "u32": 32, "u64": 64, "12s": 96, "b5": 5, "bool": 1}

#: Bytes after the type byte of each parameter of type 1–127, which carries no length (LLRP 1.1 §17.2.1.2).
TV_BYTES: Final = {
    shape.number: sum(_BITS[field.kind] for field in shape.fields) // 8
    for shape in PARAMETER.values()
    if shape.number < 128
}
