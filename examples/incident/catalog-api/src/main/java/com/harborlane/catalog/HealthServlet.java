package com.harborlane.catalog;

import java.net.InetAddress;
import java.io.IOException;
import javax.servlet.annotation.WebServlet;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;

/** What the kubelet asks, and the drain that its preStop hook begins. */
@WebServlet({"/alive", "/ready", "/drain"})
public class HealthServlet extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        boolean refused = request.getServletPath().equals("/ready") && Draining.hasBegun();
        response.setStatus(refused ? 503 : 200);
        response.setContentType("text/plain");
        response.getWriter().println(refused ? "draining" : "ok");
    }

    @Override
    protected void doPost(HttpServletRequest request, HttpServletResponse response) throws IOException {
        boolean local = InetAddress.getByName(request.getRemoteAddr()).isLoopbackAddress();
        if (!local || !request.getServletPath().equals("/drain")) {
            response.sendError(403);
            return;
        }
        Draining.begin();
        response.setStatus(204);
    }
}
