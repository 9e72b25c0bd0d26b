"""Frames as the exchange writes them, from its reference, with the awkward spellings of its numbers."""

ORDER_EVENT = (
    '{"type":"myOrder","code":"KRW-BTC","uuid":"7c24","ask_bid":"BID","order_type":"limit","state":"trade",'
    '"trade_uuid":"6831","price":116538000,"avg_price":1.16538E8,"volume":0.0001,"remaining_volume":0.0002,'
    '"executed_volume":0.0001,"trades_count":1,"reserved_fee":17.4807,"remaining_fee":11.6538,"paid_fee":5.8269,'
    '"locked":23319.2538,"executed_funds":11653.8,"time_in_force":null,"trade_fee":5.8269,"is_maker":true,'
    '"identifier":"bot1","smp_type":"cancel_maker","prevented_volume":0,"prevented_locked":0,'
    '"trade_timestamp":1795327463512,"order_timestamp":1795327445000,"timestamp":1795327463530,"stream_type":"REALTIME"}'
)
BOOK = (
    '{"type":"orderbook","code":"KRW-BTC","timestamp":1795327199106,"total_ask_size":2.5,"total_bid_size":1.6,'
    '"orderbook_units":[{"ask_price":1.45879E8,"bid_price":1.45878E8,"ask_size":0.02054761,"bid_size":0.08120946},'
    '{"ask_price":1.45881E8,"bid_price":0,"ask_size":0.00077720,"bid_size":0.0}],"stream_type":"SNAPSHOT","level":0}'
)
SIMPLE_BOOK = (
    '{"ty":"orderbook","cd":"KRW-BTC","tms":1795327199106,"tas":2.5,"tbs":1.6,"obu":['
    '{"ap":145879000,"bp":145878000,"as":0.02054761,"bs":0.08120946},'
    '{"ap":145881000,"bp":0,"as":7.772E-4,"bs":0}],"st":"SNAPSHOT","lv":0}'
)
