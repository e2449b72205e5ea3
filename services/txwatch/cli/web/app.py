"""The console's entry point for Streamlit: the pages and their order. Started by `txwatch console`."""

from pathlib import Path

import streamlit as st

from txwatch.console import pages
from txwatch.console.pages import alerts, health, overview, quarantine
from txwatch.dashboards import page as dashboards

LOOK = Path(pages.__file__).parent

st.set_page_config(page_title="txwatch", page_icon=str(LOOK / "icon.svg"), layout="wide")
st.logo(LOOK / "logo.svg", size="medium")
st.html(LOOK / "style.css")
st.navigation(
    [
        st.Page(overview.page, title="Overview", default=True),
        st.Page(alerts.page, title="Alerts", url_path="alerts"),
        st.Page(quarantine.page, title="Quarantine", url_path="quarantine"),
        st.Page(health.page, title="Health", url_path="health"),
        st.Page(dashboards.page, title="Dashboards", url_path="dashboards"),
    ],
    position="top",
).run()
